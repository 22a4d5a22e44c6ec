"""Files that people configure us with are replaced whole or not at all, several together."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sentinel_server.adapters.local.own_files import NewText, read_own, rename_all, replace_own
from sentinel_server.errors import SentinelError


def new(path: Path, text: str, seen: bytes | None = None) -> NewText:
    """A file to write."""
    return NewText(path=path, data=text.encode(), seen=seen)


def left(directory: Path) -> list[str]:
    """The names in a directory."""
    return sorted(each.name for each in directory.iterdir())


def test_files_are_made_with_their_directories_for_us_alone(tmp_path: Path) -> None:
    paths = tmp_path / "a" / "config.yaml", tmp_path / "a" / "policies" / "dev.yaml"
    replace_own([new(path, "x: 1\n") for path in paths])
    assert [path.read_text() for path in paths] == ["x: 1\n", "x: 1\n"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in paths} == {0o700}
    assert left(tmp_path / "a" / "policies") == ["dev.yaml"]


def test_a_file_that_was_changed_meanwhile_stops_all_of_them(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_text("theirs")
    with pytest.raises(SentinelError, match="second was changed meanwhile; nothing was written"):
        replace_own([new(first, "ours"), new(second, "ours", seen=b"what it was")])
    assert left(tmp_path) == ["second"]
    assert second.read_text() == "theirs"


def test_a_file_that_appeared_meanwhile_counts_as_changed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("theirs")
    with pytest.raises(SentinelError, match="changed meanwhile"):
        replace_own([new(tmp_path / "a", "ours")])


def test_when_one_cannot_be_renamed_the_others_get_their_text_back(tmp_path: Path) -> None:
    old, made, blocked = tmp_path / "old", tmp_path / "made", tmp_path / "blocked"
    old.write_text("before")
    blocked.mkdir()
    drafts = [tmp_path / f"draft{each}" for each in range(3)]
    for draft in drafts:
        draft.write_text("after")
    with pytest.raises(SentinelError, match=r"cannot write .*blocked"):
        rename_all(list(zip(drafts, (old, made, blocked), (b"before", None, None), strict=True)))
    assert old.read_text() == "before"
    assert left(tmp_path) == ["blocked", "draft2", "old"]


def test_a_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    """People keep such files in a repository of theirs."""
    kept = tmp_path / "dotfiles" / "config.yaml"
    kept.parent.mkdir()
    kept.write_text("before")
    link = tmp_path / "config.yaml"
    link.symlink_to(kept)
    replace_own([new(link, "after", seen=b"before")])
    assert link.is_symlink()
    assert kept.read_text() == "after"


def test_what_cannot_be_read_or_written_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SentinelError, match=r"cannot write in .*file: "):
        replace_own([new(tmp_path / "file" / "below", "x")])
    with pytest.raises(SentinelError, match="cannot read"):
        read_own(tmp_path)
    assert read_own(tmp_path / "nothing") is None
