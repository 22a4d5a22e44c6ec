"""The journal makes lines that somebody can read of what happens many times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.access.facts import Allow, Basis, Deny, NeedsApproval
from sentinel_server.access.journal import Journal
from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.errors import (
    ApprovalRequired,
    AuditUnavailable,
    PolicyDenied,
    SentinelError,
    StoreUnavailable,
)
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.credentials import ALICE
from tests.fakes.gate import ALLOW, loaded

ALLOWED = Allow(
    principal=ALICE,
    basis=Basis(rule=ALLOW, index=0, policy=loaded(ALLOW)),
    duration=timedelta(minutes=15),
    life=timedelta(minutes=15),
)
FROZEN = Deny(error=PolicyDenied("rule 'freeze' denies"), basis=Basis(rule=ALLOW, index=2))
SILENT = Deny(error=StoreUnavailable("no answer within 650 ms"))
ISSUE, NEXT = "1" * 16, "2" * 16


class Desk:
    """A journal with its log, its clock, and what it told."""

    def __init__(self) -> None:
        self.audit = MemoryAudit()
        self.clock = FakeClock()
        self.told: list[SentinelError | None] = []
        about = AuditEvent(action=Action.SERVED, at=self.clock.now(), profile="prod", mode="server")
        self.journal = Journal(self.audit, self.clock, about, self.told.append)

    def lines(self) -> list[tuple[str, int | None]]:
        """Every line as its word and its count."""
        return [(event.action.value, event.count) for event in self.audit.events]


async def test_serving_is_counted_and_written_at_most_once_a_minute() -> None:
    desk = Desk()
    for _ in range(100):
        await desk.journal.served(ALLOWED, ISSUE)
    assert desk.lines() == []
    desk.clock.pass_(timedelta(seconds=61))
    await desk.journal.served(ALLOWED, ISSUE)
    assert desk.lines() == [("served", 101)]


async def test_another_session_of_aws_begins_another_count() -> None:
    desk = Desk()
    await desk.journal.served(ALLOWED, ISSUE)
    await desk.journal.served(ALLOWED, NEXT)
    await desk.journal.flush(end=True)
    assert [(event.issue_id, event.count) for event in desk.audit.events] == [(ISSUE, 1), (NEXT, 1)]


async def test_every_line_carries_the_rule_and_the_policy_behind_it() -> None:
    desk = Desk()
    await desk.journal.served(ALLOWED, ISSUE)
    await desk.journal.flush(end=True)
    (event,) = desk.audit.events
    assert (event.rule, event.rule_index, event.policy_name) == ("everyone", 0, "prod.yaml")
    assert (event.effect, event.profile, event.mode) == ("allow", "prod", "server")


async def test_what_became_known_is_in_later_lines() -> None:
    desk = Desk()
    desk.journal.know(person=ALICE.person, session_id="3" * 16)
    await desk.journal.refused(FROZEN)
    (event,) = desk.audit.events
    assert (event.person, event.session_id) == (ALICE.person, "3" * 16)


async def test_a_refusal_is_a_line_at_once_and_its_repeats_a_count() -> None:
    desk = Desk()
    for _ in range(4):
        await desk.journal.refused(FROZEN)
    assert desk.lines() == [("refused", 1)]
    await desk.journal.flush(end=True)
    assert desk.lines() == [("refused", 1), ("refused", 3)]
    assert desk.told == [FROZEN.error]


async def test_one_refusal_by_a_door_that_asks_once_is_one_line() -> None:
    desk = Desk()
    await desk.journal.refused(FROZEN)
    await desk.journal.flush(end=True)
    assert desk.lines() == [("refused", 1)]


async def test_who_is_refused_while_the_first_line_is_written_is_counted_once() -> None:
    desk = Desk()
    desk.audit.gate = asyncio.Event()
    asks = [asyncio.ensure_future(desk.journal.refused(each)) for each in (FROZEN, SILENT, FROZEN, FROZEN)]
    await desk.audit.started.wait()
    desk.audit.gate.set()
    await asyncio.gather(*asks)
    await desk.journal.flush(end=True)
    assert sum(count or 0 for word, count in desk.lines() if word == "refused") == 3
    assert sum(count or 0 for word, count in desk.lines() if word == "store_failed") == 1


Step = tuple[str, int]
"""What happens next, and how many asks it answers or seconds it takes."""
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["allow", "renew", "freeze", "silent", "wait", "flush", "break", "mend"]),
        st.integers(min_value=1, max_value=90),
    ),
    max_size=40,
)


async def play(desk: Desk, word: str, number: int) -> None:
    """One step; a log that fails stops the serving and no refusal."""
    with suppress(AuditUnavailable):
        match word:
            case "allow" | "renew":
                await desk.journal.served(ALLOWED, ISSUE if word == "allow" else NEXT, number)
            case "freeze" | "silent":
                await desk.journal.refused(FROZEN if word == "freeze" else SILENT, number)
            case "wait":
                desk.clock.pass_(timedelta(seconds=number))
            case "flush":
                await desk.journal.flush(end=number > 45)
            case _:
                desk.audit.fails = AuditUnavailable("disk full") if word == "break" else None


@given(STEPS)
async def test_the_counts_of_all_lines_add_up_to_what_was_answered(steps: list[Step]) -> None:
    desk = Desk()
    for word, number in [*steps, ("mend", 1)]:
        await play(desk, word, number)
    await desk.journal.flush(end=True)
    kinds = {"freeze": ("refused",), "silent": ("store_failed",), "allow": (ISSUE,), "renew": (NEXT,)}
    for asked, shown_as in kinds.items():
        lines = [event for event in desk.audit.events if {event.action.value, event.issue_id} & {*shown_as}]
        answered = sum(number for word, number in steps if word == asked)
        assert sum(event.count or 0 for event in lines) == answered
    assert all(event.count for event in desk.audit.events)


async def test_another_refusal_is_another_line() -> None:
    desk = Desk()
    await desk.journal.refused(FROZEN)
    await desk.journal.refused(SILENT)
    assert desk.lines() == [("refused", 1), ("store_failed", 1)]
    assert desk.told == [FROZEN.error, SILENT.error]


async def test_an_approval_that_is_missing_is_not_called_a_denial() -> None:
    desk = Desk()
    await desk.journal.refused(NeedsApproval(error=ApprovalRequired("ask first"), basis=Basis()))
    assert [event.effect for event in desk.audit.events] == ["require_approval"]


async def test_going_on_after_a_refusal_is_a_change_that_is_told() -> None:
    desk = Desk()
    await desk.journal.refused(FROZEN)
    await desk.journal.served(ALLOWED, ISSUE)
    await desk.journal.served(ALLOWED, ISSUE)
    await desk.journal.flush(end=True)
    assert desk.lines() == [("refused", 1), ("changed", 1), ("served", 1)]
    assert desk.told == [FROZEN.error, None]


async def test_a_log_that_fails_makes_a_refusal_no_less_of_one() -> None:
    desk = Desk()
    desk.audit.fails = AuditUnavailable("disk full")
    await desk.journal.refused(FROZEN)
    assert desk.told == [FROZEN.error]
    desk.audit.fails = None
    await desk.journal.refused(FROZEN)
    assert desk.lines() == [("refused", 2)]


async def test_serving_stops_at_a_count_that_cannot_be_written_and_loses_none() -> None:
    desk = Desk()
    await desk.journal.served(ALLOWED, ISSUE)
    desk.clock.pass_(timedelta(seconds=61))
    desk.audit.fails = AuditUnavailable("disk full")
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            await desk.journal.served(ALLOWED, ISSUE)
    desk.audit.fails = None
    await desk.journal.served(ALLOWED, ISSUE)
    assert desk.lines() == [("served", 5)]


async def test_what_the_door_refused_by_itself_is_counted_by_kind_and_code() -> None:
    desk = Desk()
    for _ in range(3):
        desk.journal.count(Action.AUTH_FAILED)
    desk.journal.count(Action.REFUSED, "TooLate")
    await desk.journal.flush()
    found = [(event.action, event.code, event.count) for event in desk.audit.events]
    assert found == [(Action.AUTH_FAILED, None, 3), (Action.REFUSED, "TooLate", 1)]
    await desk.journal.flush()
    assert len(desk.audit.events) == 2


async def test_what_the_door_counted_by_itself_outlasts_a_log_that_fails() -> None:
    desk = Desk()
    desk.journal.count(Action.AUTH_FAILED)
    desk.journal.count(Action.RATE_LIMITED)
    desk.audit.fails = AuditUnavailable("disk full")
    with pytest.raises(AuditUnavailable):
        await desk.journal.flush()
    desk.journal.count(Action.AUTH_FAILED)
    desk.audit.fails = None
    await desk.journal.flush()
    assert sorted(desk.lines()) == [("auth_failed", 2), ("rate_limited", 1)]


async def cancelled_while_it_writes(desk: Desk, asking: Coroutine[Any, Any, None]) -> None:
    """Ask, and give up when the line is on its way; then it gets there."""
    desk.audit.gate = asyncio.Event()
    ask = asyncio.ensure_future(asking)
    await desk.audit.started.wait()
    ask.cancel()
    await asyncio.gather(ask, return_exceptions=True)
    desk.audit.gate.set()


async def test_who_is_given_up_while_a_count_is_written_takes_none_of_it_along() -> None:
    desk = Desk()
    for _ in range(100):
        await desk.journal.served(ALLOWED, ISSUE)
    desk.clock.pass_(timedelta(seconds=61))
    await cancelled_while_it_writes(desk, desk.journal.served(ALLOWED, ISSUE))
    await desk.journal.flush(end=True)
    assert desk.lines() == [("served", 101)]


async def test_a_beat_that_is_given_up_while_it_writes_takes_no_count_along() -> None:
    desk = Desk()
    for _ in range(3):
        desk.journal.count(Action.AUTH_FAILED)
    await cancelled_while_it_writes(desk, desk.journal.flush())
    await desk.journal.flush(end=True)
    assert desk.lines() == [("auth_failed", 3)]


FULL = AuditUnavailable("no space left on device")


async def test_a_mint_that_cannot_be_written_down_is_told_once() -> None:
    desk = Desk()
    desk.audit.fails = FULL
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            await desk.journal.write(desk.journal.line(Action.INTENT, ALLOWED))
    assert desk.told == [FULL]


async def test_an_answer_that_cannot_be_written_down_is_told_and_so_is_its_end() -> None:
    desk = Desk()
    await desk.journal.refused(FROZEN)
    desk.audit.fails = FULL
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            await desk.journal.served(ALLOWED, ISSUE)
    desk.audit.fails = None
    await desk.journal.served(ALLOWED, ISSUE)
    assert desk.told == [FROZEN.error, FULL, None]


async def test_a_refusal_stays_the_reason_when_the_log_cannot_be_written_either() -> None:
    desk = Desk()
    desk.audit.fails = FULL
    for _ in range(3):
        await desk.journal.refused(FROZEN)
    assert desk.told == [FROZEN.error]
