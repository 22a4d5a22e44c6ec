"""Which entries somebody wants, and how one is told in a line."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.auditlog.chain import Chain, day_of
from sentinel_server.auditlog.event import Action, AuditEvent, to_fields
from sentinel_server.auditlog.query import Entry, Query, read_entry, summary
from tests.fakes.auditlogs import KEY, START

ALICE = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/alice@example.com"


def entry(action: Action = Action.INTENT, *, at: datetime = START, **fields: str | int) -> Entry:
    return to_fields(AuditEvent(action=action, at=at, **fields))  # type: ignore[arg-type]


SERVED = entry(person="sso:alice@example.com", principal=ALICE, profile="prod", session_id="0" * 16)
ASKED = entry(Action.REQUEST_CREATED, requester="iam:111122223333:bob", request_id="a" * 16)
LIFTED = entry(effect="allow", override="a" * 16, override_kind="approval", outcome="issued")


REFUSED = entry(Action.REFUSED, effect="deny", code="PolicyDenied", by="carol")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (Query(), [SERVED, ASKED, LIFTED, REFUSED]),
        (Query(user="alice@example.com"), [SERVED]),
        (Query(user="alice*"), [SERVED]),
        (Query(user="sso:alice?example.com"), [SERVED]),
        (Query(user="bob"), [ASKED]),
        (Query(user="carol"), [REFUSED]),
        (Query(user="Bob"), []),
        (Query(person="iam:111122223333:bob"), [ASKED]),
        (Query(person="bob"), []),
        (Query(profile="prod"), [SERVED]),
        (Query(session="0" * 16), [SERVED]),
        (Query(request="a" * 16), [ASKED, LIFTED]),
        (Query(effect="deny"), [REFUSED]),
        (Query(effect="PolicyDenied"), [REFUSED]),
        (Query(effect="issued"), [LIFTED]),
        (Query(actions=frozenset({"refused", "request_created"})), [ASKED, REFUSED]),
        (Query(actions=frozenset({"refused"}), user="bob"), []),
    ],
)
def test_every_filter_narrows_and_all_hold_together(query: Query, wanted: list[Entry]) -> None:
    assert [each for each in (SERVED, ASKED, LIFTED, REFUSED) if query.wants(each)] == wanted


@pytest.mark.parametrize(("minutes", "wanted"), [(-1, False), (0, True), (59, True), (60, False)])
def test_the_beginning_is_included_and_the_end_is_not(minutes: int, wanted: bool) -> None:
    query = Query(since=START, until=START + timedelta(hours=1))
    assert query.wants(entry(at=START + timedelta(minutes=minutes))) is wanted


instants = st.integers(0, 14 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


@given(since=instants, hours=st.integers(1, 100), at=instants)
def test_no_file_is_left_out_that_could_hold_what_is_wanted(
    since: datetime, hours: int, at: datetime
) -> None:
    query = Query(since=since, until=since + timedelta(hours=hours))
    if query.wants(entry(at=at)):
        assert query.wants_day(day_of(at))
        assert query.wants_day(day_of(at + timedelta(minutes=1)))  # it was written a little later


def test_the_lines_that_hold_the_chain_together_are_shown_when_asked_for() -> None:
    line, _ = Chain(writer="a" * 16).opened(START, (), KEY)
    opened = read_entry(line)
    assert opened is not None
    assert not Query().wants(opened)
    assert Query(chain=True).wants(opened)
    assert Query(actions=frozenset({"opened"})).wants(opened)


@pytest.mark.parametrize(
    "raw", [b"", b"junk", b"[]", b"7", b'{"at": 1, "action": "x"}', b'{"at": "x"}', b"\xff"]
)
def test_what_is_no_entry_is_none(raw: bytes) -> None:
    assert read_entry(raw) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (SERVED, f"session {'0' * 16}"),
        (LIFTED, f"issued approval {'a' * 16}"),
        (REFUSED, "PolicyDenied by carol"),
        (entry(Action.SERVED, effect="allow", rule="devs", count=7), "allow rule devs 7 times"),
        (
            entry(Action.REQUEST_DENIED, status="denied", request_id="a" * 16, comment="not today"),
            f"denied request {'a' * 16} (not today)",
        ),
        (
            entry(Action.BREAKGLASS_OPENED, event_id="b" * 16, reason_code="incident", ticket="INC-7"),
            f"event {'b' * 16} ticket INC-7 for incident",
        ),
    ],
)
def test_an_entry_is_told_in_one_line(said: Entry, words: str) -> None:
    assert summary(said) == words


def test_nobody_is_named_twice_in_one_summary() -> None:
    own = entry(Action.REQUEST_CREATED, person="iam:1:dev", by="iam:1:dev", request_id="a" * 16)
    assert summary(own) == f"request {'a' * 16}"
    agreed = entry(Action.REQUEST_APPROVED, person="iam:1:dev", by="iam:1:bob", approver="iam:1:bob")
    assert summary(agreed) == "by iam:1:bob"
    assert summary(entry(Action.REFUSED, count=1)) == ""
    assert summary(entry(Action.REFUSED, count=2)) == "2 times"
