"""Several who deliver at once, over stores that fail: every message arrives, and doubles can be told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.breakglass.model import MfaEvidence
from sentinel_server.errors import NotificationFailed, SentinelError, StoreUnavailable
from sentinel_server.notifications.deliver import Outbox
from sentinel_server.notifications.message import Message, headline, read_message
from sentinel_server.notifications.notifier import Destination
from sentinel_server.notifications.outbox import LEASE, Outcome, outbox_change, outbox_ref, read_entry
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Change, Found, Ledger, Ref, Row, Search
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.notices import Inbox, asked, opened

MINUTE = timedelta(minutes=1)
IDS = [f"{number:016x}" for number in range(6)]


class Unreliable:
    """A store before which some commits fail, half of them after they were written."""

    def __init__(self, inner: MemoryRecords, fails: Sequence[int]) -> None:
        self.inner = inner
        self.fails = set(fails)
        self.count = 0

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """What the store has."""
        return await self.inner.get(refs)

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Write, unless it is this one's turn to fail."""
        self.count += 1
        fails = self.count in self.fails
        if fails and self.count % 2:
            raise StoreUnavailable("before it was written")
        done = await self.inner.commit(changes)
        if fails:
            raise StoreUnavailable("after it was written")
        return done

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """What the store finds."""
        return await self.inner.find(search, limit, token)

    async def close(self) -> None:
        """Nothing to let go of."""


async def filled() -> MemoryRecords:
    records = MemoryRecords()
    for each in IDS:
        assert await records.commit([outbox_change(Ledger.REQUESTS, asked(), each)])
    return records


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 4))
async def test_29_nothing_is_lost_however_the_store_fails(fails: list[int], many: int) -> None:
    records, clock, inbox = await filled(), FakeClock(), Inbox()
    broken = Unreliable(records, fails)
    to = [Destination(name="hook", notifier=inbox)]
    for _ in range(len(fails) + 2):
        boxes = [Outbox(broken, to, clock, lambda: 0.5) for _ in range(many)]
        ended = await asyncio.gather(*(box.flush(MINUTE) for box in boxes), return_exceptions=True)
        assert all(isinstance(each, list | StoreUnavailable) for each in ended)
        clock.pass_(LEASE)
    await Outbox(records, to, clock, lambda: 0.5).flush(MINUTE)
    assert set(inbox.ids) == set(IDS)
    assert len(inbox.ids) <= len(IDS) + len(fails), "a double needs a failure"


@given(st.lists(st.booleans(), min_size=2, max_size=2), st.integers(0, 3))
async def test_each_of_two_destinations_gets_every_message_whichever_fails(
    down: list[bool], recovers: int
) -> None:
    records, clock = await filled(), FakeClock()
    inboxes = [Inbox(), Inbox()]
    to = [Destination(name=f"to-{number}", notifier=inbox) for number, inbox in enumerate(inboxes)]
    for turn in range(5):
        for inbox, is_down in zip(inboxes, down, strict=True):
            inbox.behaviour = NotificationFailed("down") if is_down and turn < recovers else None
        await Outbox(records, to, clock, lambda: 0.5).flush(MINUTE, early=True)
    assert [sorted(inbox.ids) for inbox in inboxes] == [IDS, IDS]


async def test_an_error_of_another_kind_is_a_failure_like_any_other() -> None:
    records, clock = await filled(), FakeClock()
    to = [Destination(name="hook", notifier=Inbox(behaviour=SentinelError("log in again")))]
    done = await Outbox(records, to, clock, lambda: 0.5).deliver(Ledger.REQUESTS, IDS[:1], MINUTE)
    assert [(each.outcome, dict(each.failed)) for each in done] == [
        (Outcome.FAILING, {"hook": "log in again"})
    ]
    assert done[0].delivery_id == IDS[0]


async def test_delivering_what_is_not_there_does_nothing() -> None:
    to = [Destination(name="hook", notifier=Inbox())]
    box = Outbox(MemoryRecords(), to, FakeClock(), lambda: 0.5)
    assert await box.deliver(Ledger.REQUESTS, IDS, MINUTE) == []
    assert await box.deliver(Ledger.REQUESTS, [], MINUTE) == []


@pytest.mark.parametrize(
    "spoil", [{"kind": "other"}, {"created_at": None}, {"next_at": "soon"}, {"attempts": "many"}]
)
async def test_a_spoiled_row_is_told_from_one_of_ours(spoil: dict[str, str | None]) -> None:
    records = await filled()
    ref = outbox_ref(Ledger.REQUESTS, IDS[0])
    assert await records.commit([Change(ref=ref, seen=1, set=spoil)])
    row = records.look([ref])[ref]
    with pytest.raises(ValueError):  # noqa: PT011  # each in its own words
        read_entry(row)


async def test_a_new_row_can_be_read_and_is_due_at_once() -> None:
    records = await filled()
    ref = outbox_ref(Ledger.REQUESTS, IDS[0])
    entry = read_entry(records.look([ref])[ref])
    assert (entry.delivery_id, entry.type, entry.attempts) == (IDS[0], "request.created", 0)
    assert entry.is_due(NOON)
    assert not replace(entry, attempts=1).is_due(NOON - MINUTE)


def test_how_somebody_proved_who_they_are_is_told() -> None:
    event = opened(mfa=MfaEvidence(method="totp", verified_at=NOON))
    body = outbox_change(Ledger.BREAKGLASS, event, IDS[0]).set["body"]
    message: Message = read_message(str(body), IDS[0])
    assert message.text("mfa_method") == "totp"
    assert message.text("no such field") == ""
    assert headline(message) == "EMERGENCY ACCESS opened: prod for alice, by iam:111122223333:alice"
