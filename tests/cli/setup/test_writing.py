"""The wizard's files: shown, then written together; answers are kept until then."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cli.setup.answers import Answers
from cli.setup.writing import Kept, to_write, write
from sentinel_server.errors import AlreadyExists, BadInput

ANSWERS = Answers(profiles=("prod",), user="dev")


def test_answers_are_kept_for_their_owner_alone_and_forgotten(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state")
    assert kept.answers() is None
    kept.keep(Answers(profiles=("dev",)))
    kept.keep(ANSWERS)
    assert Kept(tmp_path / "state").answers() == ANSWERS
    (file,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept.forget()
    kept.forget()
    assert list((tmp_path / "state").iterdir()) == []


def test_answers_that_mean_nothing_are_as_none(tmp_path: Path) -> None:
    (tmp_path / "wizard.answers").write_bytes(b"\xff{")
    assert Kept(tmp_path).answers() is None


def test_what_is_new_is_written_and_what_is_so_already_is_not(tmp_path: Path) -> None:
    new, same = tmp_path / "new", tmp_path / "same"
    texts = {new: b"a\n", same: b"b\n"}
    seen = {new: None, same: b"b\n"}
    assert to_write(texts, seen, tmp_path / "config.yaml", force=False, ask=False) == {new: b"a\n"}


def test_what_says_something_else_is_in_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prod.yaml"
    texts, seen = {path: b"new\n"}, {path: b"old\n"}
    with pytest.raises(AlreadyExists, match="nothing was written") as caught:
        to_write(texts, seen, tmp_path / "config.yaml", force=False, ask=False)
    assert "--force" in caught.value.hint
    shown = capsys.readouterr()
    assert (shown.out, "-old" in shown.err, "+new" in shown.err) == ("", True, True)
    assert to_write(texts, seen, tmp_path / "config.yaml", force=True, ask=False) == texts


def test_the_configuration_is_only_added_to_so_it_is_not_in_the_way(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    texts, seen = {config: b"a: 1\nb: 2\n"}, {config: b"a: 1\n"}
    assert to_write(texts, seen, config, force=False, ask=False) == texts


def test_without_a_yes_and_without_a_terminal_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "prod.yaml"
    with pytest.raises(BadInput, match="this needs a yes"):
        write({path: b"x"}, {path: None}, yes=False)
    assert not path.exists()
    write({path: b"x"}, {path: None}, yes=True)
    assert path.read_bytes() == b"x"


def test_where_there_is_nothing_to_write_nobody_is_asked() -> None:
    write({}, {}, yes=False)
