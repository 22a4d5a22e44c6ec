"""Directories that are made for one user."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server.adapters.local.directories import make_directory


@pytest.fixture(autouse=True)
def open_handed() -> Iterator[None]:
    """A umask that hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_every_part_that_was_missing_is_for_its_user_alone(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    make_directory(there / "state" / "sentinel" / "keyring")
    made = [there / "state", there / "state" / "sentinel", there / "state" / "sentinel" / "keyring"]
    assert [mode(path) for path in made] == [0o700] * 3
    assert mode(there) == 0o755


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    make_directory(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    make_directory(tmp_path / "link" / "below")
    assert (tmp_path / "elsewhere" / "below").is_dir()


@pytest.mark.parametrize("below", ["file", "file/below"])
def test_a_file_in_the_way_is_an_error_of_the_system(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="directory"):
        make_directory(tmp_path / below)
