"""Policy files that somebody else could have written are not read."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from sentinel_server.adapters.local.policies import FilePolicies
from sentinel_server.errors import InvalidIdentifier, PolicyUnavailable
from sentinel_server.policy.schema import Origin

ALLOW = "version: 1\nrules:\n  - {name: all, effect: allow, match: any}\n"


@pytest.fixture
def prod(tmp_path: Path) -> Path:
    path = tmp_path / "prod.yaml"
    path.write_text(ALLOW)
    path.chmod(0o600)
    return path


async def refusal(root: Path, profile: str = "prod") -> PolicyUnavailable:
    with pytest.raises(PolicyUnavailable) as caught:
        await FilePolicies(root).load(profile)
    return caught.value


async def test_a_file_has_a_path_but_no_version_or_account(prod: Path) -> None:
    loaded = await FilePolicies(prod.parent).load("prod")
    assert (loaded.name, loaded.origin, loaded.version, loaded.account) == (str(prod), Origin.FILE, "", None)


async def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    error = await refusal(tmp_path)
    assert (error.message, error.hint) == (
        f"no policy for prod: {tmp_path / 'prod.yaml'} does not exist",
        "make one: sentinel init local --profile prod",
    )


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
async def test_a_file_that_others_can_write_is_refused(prod: Path, mode: int) -> None:
    os.chmod(prod, mode)
    error = await refusal(prod.parent)
    assert (error.message, error.hint) == (
        f"{prod} can be written by others",
        f"forbid it: chmod go-w {prod}",
    )


async def test_a_directory_in_which_others_can_swap_files_is_refused(prod: Path) -> None:
    os.chmod(prod.parent, 0o770)
    assert (await refusal(prod.parent)).message == f"{prod.parent} can be written by others"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_a_file_of_another_user_is_refused(prod: Path) -> None:
    os.chown(prod, 12345, -1)
    assert "belongs to another user (uid 12345)" in (await refusal(prod.parent)).message


async def test_a_symlink_is_followed_to_a_file_that_is_ours(prod: Path, tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").symlink_to(prod)
    assert (await FilePolicies(tmp_path).load("dev")).policy.rules
    os.chmod(prod, 0o666)
    assert "can be written by others" in (await refusal(tmp_path, "dev")).message


async def test_symlinks_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").symlink_to("dev.yaml")
    (tmp_path / "dev.yaml").symlink_to("prod.yaml")
    assert "symlinks in a circle" in (await refusal(tmp_path)).message


async def test_a_directory_and_a_pipe_are_not_files(tmp_path: Path) -> None:
    (tmp_path / "dir.yaml").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe.yaml", 0o600)
    assert "is not a file" in (await refusal(tmp_path, "pipe")).message
    assert "Is a directory" in (await refusal(tmp_path, "dir")).message


async def test_a_huge_file_is_refused_without_being_read(prod: Path) -> None:
    os.truncate(prod, 1 << 40)
    assert "larger than 64 KiB" in (await refusal(prod.parent)).message


@pytest.mark.parametrize(
    "profile", ["team/prod", "/etc/passwd", "a\\b", "c:prod", ".hidden", "x" * 300, "a\u202eb"]
)
async def test_a_profile_that_is_no_file_name_is_refused(tmp_path: Path, profile: str) -> None:
    with pytest.raises(InvalidIdentifier):
        await FilePolicies(tmp_path).load(profile)


@pytest.mark.parametrize("profile", ["my profile", "Müller+1@x,y=z", "a..b", "prod.eu"])
async def test_what_the_aws_configuration_calls_a_profile_will_do(prod: Path, profile: str) -> None:
    os.rename(prod, prod.parent / f"{profile}.yaml")
    assert (await FilePolicies(prod.parent).load(profile)).policy.rules


async def test_reading_does_not_hold_up_the_event_loop(prod: Path) -> None:
    loads = [FilePolicies(prod.parent).load("prod") for _ in range(20)]
    assert len({loaded.sha256 for loaded in await asyncio.gather(*loads)}) == 1
