"""`sentinel audit verify-logs`, as somebody would type it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.audits.report import SHOWN, WIDTH
from cli.main import root
from sentinel_server.errors import AuditUnavailable, BadInput
from tests.fakes.auditlogs import KEY, a_log, a_name, head_of

FIRST, SECOND = a_name(0), a_name(1, "b" * 16)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A directory with two clean logs, and their key beside it."""
    directory = tmp_path / "audit"
    directory.mkdir()
    (tmp_path / "audit.key").write_text(KEY.secret.reveal() + "\n")
    first = a_log()
    (directory / FIRST).write_bytes(first)
    (directory / SECOND).write_bytes(a_log(writer="b" * 16, seen=(head_of(FIRST, first),)))
    return directory


def verify(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(root, ["audit", "verify-logs", *map(str, arguments)], input=stdin)


def tamper(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b'"count":3', b'"count":4'))


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_clean_directory_is_said_to_be_so_in_one_line(logs: Path) -> None:
    result = verify(logs)
    assert (result.exit_code, result.stdout) == (0, "2 files, 24 lines: nothing was changed\n")


def test_w32_a_changed_line_is_named_with_its_file_line_and_number(logs: Path) -> None:
    tamper(logs / FIRST)
    result = verify(logs)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{logs}:",
        f"  {FIRST}",
        "    changed: line 6 (seq 5) is not what the next line was linked to",
        "2 files, 24 lines: TAMPERED WITH",
    ]
    assert result.stderr.endswith("what to do now: docs/runbooks/audit-findings.md\n")
    assert verify(logs, "--json").stderr == ""


def test_w32_removed_swapped_and_repeated_lines_each_have_their_word(logs: Path) -> None:
    lines = (logs / FIRST).read_bytes().splitlines(keepends=True)
    for word, edited in (
        ("removed", [*lines[:3], *lines[4:]]),
        ("reordered", [*lines[:3], lines[4], lines[3], *lines[5:]]),
        ("duplicated", [*lines[:4], *lines[3:]]),
    ):
        (logs / FIRST).write_bytes(b"".join(edited))
        result = verify(logs)
        assert result.exit_code == 1
        assert f"    {word}: line " in result.stdout


def test_json_says_all_of_it(logs: Path) -> None:
    tamper(logs / FIRST)
    said = as_json(verify(logs, "--json"))
    assert said["result"] == "tampered"
    first, second = said["files"]
    assert first["file"] == str(logs / FIRST)
    assert first["findings"] == [
        {
            "code": "changed",
            "severity": "tampered",
            "line": 6,
            "seq": 5,
            "text": "is not what the next line was linked to",
        }
    ]
    head = head_of(SECOND, (logs / SECOND).read_bytes())
    assert second == {
        "file": str(logs / SECOND),
        "lines": 12,
        "sealed": 4,
        "closed": True,
        "head": f"{'b' * 16}:{head.seq}:{head.hash}",
        "findings": [],
    }


def test_a_cut_last_line_is_incomplete(logs: Path) -> None:
    (logs / SECOND).write_bytes((logs / SECOND).read_bytes()[:-1])
    result = verify(logs)
    assert result.exit_code == 6
    assert "incomplete, unfinished: line 12: the last line has no end" in result.stdout
    assert as_json(verify(logs, "--json"))["result"] == "incomplete"


def test_a_log_that_is_not_closed_is_only_a_note(logs: Path) -> None:
    (logs / SECOND).write_bytes(a_log(writer="b" * 16, closed=False))
    result = verify(logs)
    assert result.exit_code == 0
    assert "note, not_closed: line 11: no closing checkpoint" in result.stdout


def test_a_missing_file_is_noticed_in_a_directory_and_not_among_files(logs: Path) -> None:
    (logs / FIRST).unlink()
    (logs / a_name(-1, "c" * 16)).write_bytes(a_log(writer="c" * 16))
    assert f"missing_file: {FIRST} is gone" in verify(logs).stdout
    assert verify(logs / SECOND).exit_code == 0


def test_tampering_outweighs_what_is_incomplete(logs: Path, tmp_path: Path) -> None:
    tamper(logs / FIRST)
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(a_log()[:-1])
    assert verify(cut, logs).exit_code == 1


def test_without_the_key_the_seals_are_said_to_be_unchecked(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.key").rename(tmp_path / "elsewhere")
    assert verify(logs).exit_code == 6
    assert verify(logs, "--key-file", tmp_path / "elsewhere").exit_code == 0


def test_a_key_beside_the_log_that_is_none_is_like_no_key(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.key").write_text("nonsense")
    assert "unchecked" in verify(logs).stdout


@pytest.mark.parametrize("text", [None, "nonsense"])
def test_a_named_key_file_must_hold_a_key(logs: Path, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "named").write_text(text)
    assert isinstance(verify(logs, "--key-file", tmp_path / "named").exception, BadInput)


def test_a_log_can_come_from_stdin(logs: Path, tmp_path: Path) -> None:
    result = verify("-", "--key-file", tmp_path / "audit.key", "--json", stdin=a_log())
    assert result.exit_code == 0
    assert as_json(result)["files"][0]["file"] == "-"


def test_a_path_to_nothing_is_a_mistake(tmp_path: Path) -> None:
    error = verify(tmp_path / "nothing.jsonl").exception
    assert isinstance(error, BadInput)
    assert error.exit_status == 2


def test_an_empty_directory_is_not_a_clean_log(tmp_path: Path) -> None:
    error = verify(tmp_path).exception
    assert isinstance(error, AuditUnavailable)
    assert error.exit_status == 6


def test_what_cannot_be_read_is_incomplete(logs: Path) -> None:
    (logs / "loop.jsonl").symlink_to(logs / "loop.jsonl")
    (logs / "folder.jsonl").mkdir()
    result = verify(logs)
    assert result.exit_code == 6
    assert result.stdout.count("unreadable") == 2


def test_nothing_but_paths_is_wider_than_a_terminal(logs: Path) -> None:
    (logs / FIRST).unlink()
    (logs / a_name(-1, "c" * 16)).write_bytes(b"junk\n" * 3)
    lines = verify(logs).stdout.splitlines()
    assert len(lines) > 5
    assert all(len(line) <= WIDTH for line in lines[1:])


def test_many_findings_are_cut_for_people_and_not_for_programs(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"junk\n" * (SHOWN + 6))
    assert "and 7 more; --json lists them all" in verify(log).stdout
    assert len(as_json(verify(log, "--json"))["files"][0]["findings"]) == SHOWN + 7


def test_without_a_path_the_configured_directory_is_verified(logs: Path) -> None:
    result = CliRunner().invoke(root, ["audit", "verify-logs"], env={"SENTINEL_AUDIT_DIRECTORY": str(logs)})
    assert result.stdout == "2 files, 24 lines: nothing was changed\n"


def test_a_configured_directory_that_is_not_there_is_not_a_clean_log(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        root, ["audit", "verify-logs"], env={"SENTINEL_AUDIT_DIRECTORY": str(tmp_path / "no")}
    )
    assert isinstance(result.exception, AuditUnavailable)


def test_a_noted_head_must_be_there(logs: Path) -> None:
    head = as_json(verify(logs, "--json"))["files"][1]["head"]
    assert verify(logs, "--expect-head", head).exit_code == 0
    (logs / SECOND).write_bytes(b"".join((logs / SECOND).read_bytes().splitlines(keepends=True)[:-1]))
    result = verify(logs, "--expect-head", head)
    assert result.exit_code == 1
    assert "cut_back" in result.stdout


def test_a_saved_report_notes_every_head(logs: Path, tmp_path: Path) -> None:
    saved = tmp_path / "monday.json"
    saved.write_text(verify(logs, "--json").stdout)
    assert verify(logs, "--expect-head", saved).exit_code == 0
    (logs / SECOND).unlink()
    result = verify(logs, "--expect-head", saved)
    assert result.exit_code == 1
    assert "nothing of writer bbbbbbbbbbbbbbbb is here" in " ".join(result.stdout.split())


def test_a_noted_head_is_looked_for_where_its_writer_is(logs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / a_name(3, "c" * 16)).write_bytes(a_log(writer="c" * 16))
    head = as_json(verify(logs, "--json"))["files"][0]["head"]
    assert verify(logs, other, "--expect-head", head, "--key-file", tmp_path / "audit.key").exit_code == 0


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"files": [{"head": "nonsense"}]}', '{"files": 7}'])
def test_what_is_no_head_is_a_mistake(logs: Path, tmp_path: Path, text: str) -> None:
    saved = tmp_path / "saved.json"
    saved.write_text(text)
    for named in (saved, tmp_path / "nothing", "abc:1:2"):
        assert isinstance(verify(logs, "--expect-head", named).exception, BadInput)


def test_a_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    log = tmp_path / "\x1b[2Jlog.jsonl"
    log.write_bytes(b"junk\n")
    assert "\x1b" not in verify(log).stdout
