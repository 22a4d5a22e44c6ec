"""`sentinel audit search` and `sentinel audit tail`, over files that were rotated, while they are written."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.audits.reading import FIELDS, row
from cli.audits.tail import Follower, follow_on, newest
from cli.audits.words import checked_actions, checked_effect
from cli.main import root
from sentinel_server.adapters.local.jsonl import JsonlAudit
from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.auditlog.query import Entry, Query
from sentinel_server.breakglass.model import EventState
from sentinel_server.clock import SystemIds
from sentinel_server.errors import AuditUnavailable, BadInput, all_errors
from sentinel_server.notifications.outbox import Outcome
from sentinel_server.policy.schema import Effect
from sentinel_server.requests.model import Status
from sentinel_server.wiring import log_reader
from tests.fakes.auditlogs import START
from tests.fakes.clock import FakeClock


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def written(directory: Path, hours: Sequence[int], *, who: str = "sso:alice@example.com") -> None:
    """One entry at each of these hours after the first of March at nine, by one process after another."""

    async def write() -> None:
        clock = FakeClock(time=START)
        for hour in hours:
            clock.time = START + timedelta(hours=hour)
            log = JsonlAudit(directory, clock=clock, ids=SystemIds())
            event = AuditEvent(action=Action.REFUSED, at=clock.now(), person=who, profile="prod", count=hour)
            await log.record(event)
            await log.close()

    asyncio.run(write())


def audit(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["audit", *arguments, "--directory", str(directory)])


def entries(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def hours_of(result: Result) -> list[int]:
    return [entry["count"] for entry in entries(result)]


def test_entries_of_all_files_are_found_in_the_order_of_time(directory: Path) -> None:
    written(directory, [0, 30, 60])
    assert len(list(directory.glob("*.jsonl"))) == 3
    assert hours_of(audit(directory, "search", "--json")) == [0, 30, 60]


def test_json_is_the_line_as_it_was_written(directory: Path) -> None:
    written(directory, [0])
    (entry,) = entries(audit(directory, "search", "--json"))
    lines = [
        json.loads(line) for path in directory.glob("*.jsonl") for line in path.read_bytes().splitlines()
    ]
    assert entry in lines


def test_filters_narrow_what_is_found(directory: Path) -> None:
    written(directory, [0, 1])
    written(directory, [2], who="sso:bob@example.com")
    assert hours_of(audit(directory, "search", "--json", "--user", "bob*")) == [2]
    assert hours_of(audit(directory, "search", "--json", "--person", "sso:alice@example.com")) == [0, 1]
    assert hours_of(audit(directory, "search", "--json", "--since", "2026-03-01T10:00Z")) == [1, 2]
    assert hours_of(audit(directory, "search", "--json", "--until", "2026-03-01T10:00")) == [0]
    assert hours_of(audit(directory, "search", "--json", "--since", "1h")) == []
    assert hours_of(audit(directory, "search", "--json", "--action", "refused", "--profile", "prod")) == [
        0,
        1,
        2,
    ]


def test_the_newest_are_kept_when_there_are_too_many_and_the_others_are_counted(directory: Path) -> None:
    written(directory, [0, 1, 2])
    result = audit(directory, "search", "--json", "--limit", "2")
    assert hours_of(result) == [1, 2]
    assert "1 older entries are not shown" in result.stderr


def test_csv_has_the_same_columns_for_every_entry(directory: Path) -> None:
    written(directory, [0])
    first, second = csv.reader(audit(directory, "search", "--output", "csv").stdout.splitlines())
    assert tuple(first) == FIELDS
    assert dict(zip(first, second, strict=True))["person"] == "sso:alice@example.com"


def test_an_empty_answer_is_said_and_is_no_failure(directory: Path) -> None:
    written(directory, [0])
    result = audit(directory, "search", "--user", "nobody")
    assert result.exit_code == 0
    assert "no entry is like that" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "said", "hint"),
    [
        ("--action", "refuse", "no entry of the log has that word", "did you mean refused"),
        ("--action", "Refused", "no entry of the log has that word", "did you mean refused?"),
        ("--effect", "allowed", "no entry of the log has that word", "did you mean allow"),
        ("--effect", "policydenied", "no entry of the log has that word", "did you mean PolicyDenied?"),
        ("--effect", "???", "no entry of the log has that word", "docs/audit.md has the words"),
        ("--request", "OPS-7", "'OPS-7' is not the id of a request", "sentinel list"),
        ("--request", "0123456789ABCDEF", "16 lower-case hex digits", "sentinel breakglass-list"),
        ("--request", "ab" * 12, "or of an emergency (32)", "sentinel breakglass-list"),
        ("--session", "abc", "'abc' is not a session id", "sentinel server-sessions"),
        ("--person", "alice", "'alice' is not the key of a person", "sentinel whoami"),
        ("--person", "a@example.com", "is not the key of a person", "did you mean sso:a@example.com?"),
        ("--person", "iam:dev", "iam:ACCOUNT:NAME", "sentinel whoami"),
        ("--since", "2999-01-01", "--since 2999-01-01T00:00:00Z is not before now", "--since 7d"),
    ],
)
def test_a_filter_that_nothing_can_match_is_a_mistake_and_no_empty_answer(
    directory: Path, option: str, value: str, said: str, hint: str
) -> None:
    written(directory, [0])
    for command in ("search", "tail"):
        error = audit(directory, command, option, value).exception
        assert isinstance(error, BadInput)
        assert said in error.message
        assert hint in error.hint


def test_an_end_before_the_beginning_is_a_mistake(directory: Path) -> None:
    error = audit(directory, "search", "--since", "1d", "--until", "7d").exception
    assert isinstance(error, BadInput)
    assert "is not before --until" in error.message


def test_every_word_that_an_entry_can_have_may_be_looked_for() -> None:
    kinds: tuple[type[Enum], ...] = (Effect, Outcome, Status, EventState)
    words = [each.value for kind in kinds for each in kind] + [error.code for error in all_errors()]
    assert [word for word in words if checked_effect(word) != word] == []
    assert checked_actions(action.value for action in Action) == {action.value for action in Action}


@pytest.mark.parametrize("when", ["banana", "yesterday", "2026-13-01", "2026-03-01T25:00", "7", "-2h"])
def test_a_time_that_is_none_is_a_mistake_with_examples(directory: Path, when: str) -> None:
    result = audit(directory, "search", "--since", when)
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert f"'{when}' is no time; write how long ago (2h, 7d, 1d12h) or when in UTC (2026-03-01" in said


def test_a_log_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    assert isinstance(audit(tmp_path / "none", "tail").exception, AuditUnavailable)


def test_lines_that_are_no_entries_are_passed_over(directory: Path) -> None:
    written(directory, [0])
    (path,) = directory.glob("*.jsonl")
    path.write_bytes(b"junk\n" + path.read_bytes() + b'{"half')
    assert hours_of(audit(directory, "search", "--json")) == [0]


def test_tail_begins_with_the_newest(directory: Path) -> None:
    written(directory, [0, 1, 30, 31])
    assert hours_of(audit(directory, "tail", "-n", "3", "--json")) == [1, 30, 31]
    assert hours_of(audit(directory, "tail", "-n", "1", "--json")) == [31]
    assert hours_of(audit(directory, "tail", "-n", "0", "--json")) == []


class Enough(Exception):
    """Ends what would go on for ever."""


def test_new_entries_are_followed_across_files_and_shown_once(directory: Path) -> None:
    written(directory, [0])
    reader = log_reader(directory)
    ends = {name: reader.end(name) for name in reader.names()}
    steps = [[1, 2], [40], []]
    shown: list[Entry] = []

    def pause() -> None:
        if not steps:
            raise Enough
        written(directory, steps.pop(0))

    with pytest.raises(Enough):
        follow_on(Follower(reader, Query(), ends), shown.append, pause)
    assert [entry["count"] for entry in shown] == [1, 2, 40]
    assert [entry["count"] for entry in newest(reader, Query(), ends, 9)] == [0]


def test_half_a_line_is_shown_when_it_is_whole(directory: Path) -> None:
    written(directory, [0])
    (path,) = directory.glob("*.jsonl")
    whole = path.read_bytes()
    *_, last, _ = whole.splitlines(keepends=True)
    reader = log_reader(directory)
    path.write_bytes(whole + last[:50])
    follower = Follower(reader, Query(), {path.name: reader.end(path.name)})
    assert follower.news() == []
    path.write_bytes(whole + last)
    assert [entry["count"] for entry in follower.news()] == [0]


def test_a_file_that_goes_away_while_it_is_followed_is_no_failure(directory: Path) -> None:
    written(directory, [0])
    reader = log_reader(directory)
    follower = Follower(reader, Query(), {})
    (path,) = directory.glob("*.jsonl")
    assert len(follower.news()) == 1
    path.unlink()
    assert follower.news() == []
    assert (list(reader.lines(path.name)), reader.end(path.name)) == ([], 0)


LONG: Entry = {
    "at": "2026-03-01T09:00:00.000000Z",
    "action": "refused",
    "person": "sso:alice@example.com",
    "profile": "prod",
    "code": "PolicyDenied",
    "reason": "rule weekends denies prod to everybody who is not on call \x1b[2J " * 3,
}


def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost() -> None:
    lines = row(LONG, 80).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("2026-03-01 09:00:00Z  refused ")
    assert " ".join(" ".join(lines[1:]).split()).count("not on call") == 3
    assert "\x1b" not in row(LONG, 80)


def test_where_there_is_no_terminal_an_entry_is_one_line() -> None:
    assert "\n" not in row(LONG, None)
    assert "\x1b" not in row(LONG, None)
