"""Keys in files are those that are there now."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import pytest

from sentinel_server.adapters.aws.source import OwnCredentials
from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.profiles import BaseSource, Profiles
from sentinel_server.errors import InvalidSetting, SentinelError
from sentinel_server.secret import Secret

ONE, TWO = "1111", "2222"


def keys(secret: str) -> str:
    return f"[p]\naws_access_key_id = AKIA{secret}\naws_secret_access_key = {secret}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    path.write_text(keys(ONE))
    return path


@pytest.fixture
def own(file: Path) -> OwnCredentials:
    profile = Profiles(None, FileText(path=str(file), text=file.read_text())).get("p")
    return OwnCredentials(
        BaseSource(profile=profile),
        config_file=file.parent / "config",
        credentials_file=file,
        environment={},
        region="us-east-1",
    )


def secret(own: OwnCredentials) -> str:
    return asyncio.run(own.take()).secret_access_key.reveal()


def hand(own: OwnCredentials) -> str | None:
    found = own.at_hand()
    return None if found is None else found.secret_access_key.reveal()


def test_keys_are_at_hand_once_taken_and_until_a_file_changes(file: Path, own: OwnCredentials) -> None:
    seen = [hand(own)]
    secret(own)
    seen.append(hand(own))
    file.write_text(keys(TWO))
    seen.append(hand(own))
    secret(own)
    seen.append(hand(own))
    file.unlink()
    assert [*seen, hand(own)] == [None, ONE, None, TWO, None]


def test_a_file_that_cannot_be_looked_at_puts_nothing_at_hand(file: Path, own: OwnCredentials) -> None:
    secret(own)
    loop = file.parent / "loop"
    loop.symlink_to(loop)
    file.unlink()
    file.symlink_to(loop)
    assert own.at_hand() is None
    with pytest.raises(InvalidSetting, match=r"cannot read .*credentials"):
        secret(own)


class Kept:
    """A keyring with these keys."""

    def __init__(self, found: AwsCredentials | None) -> None:
        self.found = found

    async def profiles(self) -> Collection[str]:
        return ["p"]

    async def keys(self, profile: str) -> AwsCredentials | None:
        return self.found


@pytest.mark.parametrize(
    "found", [None, AwsCredentials(access_key_id="AKIA3", secret_access_key=Secret("3"))]
)
def test_keys_that_may_come_from_the_keyring_are_asked_for_there(
    tmp_path: Path, found: AwsCredentials | None
) -> None:
    config = FileText(path="config", text="[profile p]\nregion = us-east-1\n")
    profile = Profiles(config, None, kept=["p"]).get("p")
    own = OwnCredentials(
        BaseSource(profile=profile, outside=None),
        config_file=tmp_path / "config",
        credentials_file=tmp_path / "credentials",
        environment={},
        region="us-east-1",
        kept=Kept(found),
    )
    with suppress(SentinelError):
        secret(own)
    assert own.at_hand() is None


def test_new_keys_are_used_though_the_file_says_that_it_is_as_old_as_before(
    file: Path, own: OwnCredentials
) -> None:
    """As by a tool that restores a file with its time."""
    assert secret(own) == ONE
    before = file.stat()
    file.write_text(keys(TWO))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert secret(own) == TWO


def test_new_keys_are_used_when_another_file_takes_the_place(file: Path, own: OwnCredentials) -> None:
    assert secret(own) == ONE
    before = file.stat()
    other = file.with_suffix(".new")
    other.write_text(keys(TWO))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert secret(own) == TWO


@pytest.mark.parametrize("torn", ["", "[p]\naws_access_key_id = AKIA2222\n", "[p]\naws_acc", "\xff"])
def test_a_file_that_is_just_being_written_is_refused_and_read_again(
    file: Path, own: OwnCredentials, torn: str
) -> None:
    """The old keys are not used either: they may have been taken away."""
    assert secret(own) == ONE
    file.write_text(torn, encoding="latin-1")
    for _ in range(2):
        with pytest.raises(SentinelError):
            asyncio.run(own.take())
    file.write_text(keys(TWO))
    assert secret(own) == TWO


def test_a_file_that_is_a_directory_by_now_is_a_setting_to_mend(file: Path, own: OwnCredentials) -> None:
    assert secret(own) == ONE
    file.unlink()
    file.mkdir()
    with pytest.raises(InvalidSetting, match=r"cannot read .*credentials"):
        asyncio.run(own.take())
