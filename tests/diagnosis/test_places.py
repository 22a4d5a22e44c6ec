"""Files and directories of ours: who else could write or read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel_server.adapters.local.places import look_at, read_token
from sentinel_server.diagnosis.model import Finding, Verdict
from sentinel_server.diagnosis.places import Kind, Place, Seen, place_finding, place_findings

PATH = Path("/home/a b/keys.json")


def judged(seen: Seen, readers: Verdict = Verdict.PROBLEM, kind: Kind = Kind.FILE) -> Finding:
    """How the keyring's file is, when this is seen there."""
    return place_finding(Place(path=PATH, what="the keyring", kind=kind, readers=readers), seen)


def test_what_only_we_can_write_and_read_is_well() -> None:
    assert judged(Seen(path=PATH, kind=Kind.FILE, mode=0o600)).verdict is Verdict.OK


@pytest.mark.parametrize("readers", [Verdict.PROBLEM, Verdict.WARNING])
def test_what_others_can_read_is_as_bad_as_what_is_in_it(readers: Verdict) -> None:
    found = judged(Seen(path=PATH, kind=Kind.FILE, mode=0o640), readers)
    assert (found.verdict, found.mend) == (readers, "chmod 600 '/home/a b/keys.json'")
    assert "0640" in found.what


def test_what_holds_no_secret_may_be_read() -> None:
    assert judged(Seen(path=PATH, kind=Kind.FILE, mode=0o644), Verdict.OK).verdict is Verdict.OK


def test_what_others_can_write_is_a_problem_whatever_is_in_it() -> None:
    seen = Seen(path=PATH, kind=Kind.DIRECTORY, foreign="can be written by others", mode=0o777)
    found = judged(seen, Verdict.OK, Kind.DIRECTORY)
    assert (found.verdict, found.mend) == (Verdict.PROBLEM, "chmod 700 '/home/a b/keys.json'")


def test_what_belongs_to_somebody_else_has_to_be_taken_back() -> None:
    found = judged(Seen(path=PATH, kind=Kind.FILE, foreign="belongs to another user (uid 7)", mode=0o600))
    assert found.verdict is Verdict.PROBLEM
    assert found.mend.startswith("sudo chown ")


def test_something_else_in_the_place_is_a_problem() -> None:
    found = judged(Seen(path=PATH, kind=Kind.DIRECTORY, mode=0o700))
    assert "is a directory, not a file" in found.what
    assert found.verdict is Verdict.PROBLEM


def test_a_system_without_modes_is_not_judged_by_them() -> None:
    assert judged(Seen(path=PATH, kind=Kind.FILE, mode=None)).verdict is Verdict.OK


def test_what_is_not_there_yet_is_told_in_one() -> None:
    place = Place(path=PATH, what="the keyring", kind=Kind.FILE)
    other = Place(path=PATH, what="the store", kind=Kind.FILE)
    missing, seen = Seen(path=PATH, kind=Kind.MISSING), Seen(path=PATH, kind=Kind.FILE, mode=0o600)
    found = place_findings([(place, missing), (other, seen), (other, missing)])
    assert [finding.verdict for finding in found] == [Verdict.OK, Verdict.OK]
    assert found[-1].what.endswith(": the keyring, the store")


# ---- what is really there


def test_files_directories_links_and_nothing_are_told_apart(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("x")
    file.chmod(0o644)
    link.symlink_to(file)
    assert look_at(tmp_path).kind is Kind.DIRECTORY
    assert (look_at(file).kind, look_at(file).mode, look_at(file).foreign) == (Kind.FILE, 0o644, "")
    assert look_at(link).kind is Kind.FILE
    assert look_at(tmp_path / "none").kind is Kind.MISSING
    assert look_at(file / "below").kind is Kind.MISSING
    assert look_at(Path("/dev/null")).kind is Kind.OTHER


def test_what_others_may_write_is_seen(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    assert look_at(shared).foreign == "can be written by others"


def test_a_token_is_read_as_it_is_or_the_reason_told(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc\n")
    assert read_token(file) == ("abc\n", "")
    assert read_token(tmp_path / "none") == ("", "no such file or directory")
    file.write_bytes(b"\xff")
    assert read_token(file) == ("", "it is no text")
