"""Whose `config.yaml` is believed: it can name commands, so nobody else may have written it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.config_place import CONFIG_BYTES, read_config

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")

TEXT = b"region: eu-west-1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration in a directory of its own."""
    (made := tmp_path / "sentinel" / "config.yaml").parent.mkdir(mode=0o755)
    made.write_bytes(TEXT)
    made.chmod(0o644)
    return made


def why_not(file: Path) -> str:
    """Why it is not believed."""
    with pytest.raises(InvalidSetting) as refused:
        read_config(file)
    return f"{refused.value.message}; {refused.value.hint}"


def test_ours_is_read_also_through_a_link(file: Path, tmp_path: Path) -> None:
    (link := tmp_path / "link.yaml").symlink_to(file)
    assert read_config(file) == read_config(link) == TEXT


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o777])
def test_a_file_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert why_not(file) == f"{file} can be written by others; forbid it: chmod go-w {file}"


def test_a_link_to_a_file_that_others_can_write_is_refused(file: Path, tmp_path: Path) -> None:
    file.chmod(0o666)
    (link := tmp_path / "link.yaml").symlink_to(file)
    assert "can be written by others" in why_not(link)


@pytest.mark.parametrize("mode", [0o775, 0o777])
def test_a_directory_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    file.parent.chmod(mode)
    assert f"{file.parent} can be written by others" in why_not(file)


def test_a_directory_from_which_nobody_takes_what_is_not_theirs_is_well(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert read_config(file) == TEXT


@as_root
@pytest.mark.parametrize("whose", ["file", "directory"])
def test_what_belongs_to_another_user_is_refused(file: Path, whose: str) -> None:
    place = file if whose == "file" else file.parent
    os.chown(place, 65534, -1)
    assert f"{place} belongs to another user (uid 65534)" in why_not(file)


def test_what_is_no_file_is_refused_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    (zeros := tmp_path / "zeros").symlink_to("/dev/zero")
    for place in (pipe, zeros):
        assert f"cannot read {place}: not a file" in why_not(place)


def test_what_is_too_large_is_not_read(file: Path) -> None:
    file.write_bytes(b"#" * CONFIG_BYTES)
    assert len(read_config(file)) == CONFIG_BYTES
    file.write_bytes(b"#" * (CONFIG_BYTES + 1))
    assert "larger than 64 KiB" in why_not(file)


def test_a_file_that_is_not_there_is_for_the_caller_to_judge(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_config(tmp_path / "gone.yaml")
