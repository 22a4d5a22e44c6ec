"""The outbox and second factors on every store, where those who deliver and those who guess race."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.errors import MfaRefused, MfaUnavailable, NotificationFailed
from sentinel_server.mfa.attempts import MOST
from sentinel_server.mfa.proof import Proof
from sentinel_server.notifications.deliver import Outbox
from sentinel_server.notifications.notifier import Destination
from sentinel_server.notifications.outbox import (
    GIVE_UP,
    INDEX,
    LEASE,
    Outcome,
    outbox_change,
    outbox_ref,
    read_entry,
)
from sentinel_server.records.model import Change, Ledger, Ref
from sentinel_server.records.store import Records
from tests.fakes.clock import FakeClock
from tests.fakes.factors import FOR_PROD, Factors
from tests.fakes.notices import Inbox, asked, opened
from tests.fakes.session_stores import open_records

MINUTE = timedelta(minutes=1)
IDS = [f"{number:016x}" for number in range(8)]


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(request.param, tmp_path) as opened_:
        yield opened_


def outbox(records: Records, inbox: Inbox, clock: FakeClock) -> Outbox:
    return Outbox(records, [Destination(name="hook", notifier=inbox)], clock, lambda: 0.5)


async def fill(records: Records) -> None:
    for each in IDS:
        assert await records.commit([outbox_change(Ledger.REQUESTS, asked(), each)])


async def test_29_a_change_and_its_message_are_written_together_or_not_at_all(records: Records) -> None:
    event = Ref(ledger=Ledger.BREAKGLASS, key="e" * 16)
    made = Change(ref=event, seen=None, set={"created_at": "2026-01-31T12:00:00.000000Z", "kind": "event"})
    told = outbox_change(Ledger.BREAKGLASS, opened(), IDS[0])
    assert await records.commit([made, told])
    assert not await records.commit([made, outbox_change(Ledger.BREAKGLASS, opened(), IDS[1])])
    waiting = await outbox(records, Inbox(), FakeClock()).waiting()
    assert [(entry.delivery_id, entry.type) for entry in waiting] == [(IDS[0], "breakglass.opened")]


async def test_four_who_flush_at_once_send_every_message_once(records: Records) -> None:
    inbox, clock = Inbox(), FakeClock()
    await fill(records)
    await asyncio.gather(*(outbox(records, inbox, clock).flush(MINUTE) for _ in range(4)))
    assert sorted(inbox.ids) == IDS
    assert await outbox(records, inbox, clock).waiting() == []


async def test_a_message_goes_its_whole_way(records: Records) -> None:
    inbox, clock = Inbox(behaviour=NotificationFailed("503")), FakeClock()
    await fill(records)
    (first,) = await outbox(records, inbox, clock).deliver(Ledger.REQUESTS, IDS[:1], MINUTE)
    assert first.outcome is Outcome.FAILING
    clock.pass_(LEASE)
    inbox.behaviour = None
    (second,) = await outbox(records, inbox, clock).deliver(Ledger.REQUESTS, IDS[:1], MINUTE)
    assert second.outcome is Outcome.DELIVERED
    ref = outbox_ref(Ledger.REQUESTS, IDS[0])
    row = (await records.get([ref]))[ref]
    entry = read_entry(row)
    assert INDEX not in row.values
    assert (entry.attempts, entry.done, entry.last_error) == (2, ("hook",), "")


async def test_what_nobody_takes_is_given_up_and_found_no_more(records: Records) -> None:
    clock = FakeClock()
    await fill(records)
    clock.pass_(GIVE_UP)
    box = outbox(records, Inbox(behaviour=NotificationFailed("gone")), clock)
    ended = await box.flush(MINUTE)
    assert {each.outcome for each in ended} == {Outcome.GIVEN_UP}
    assert await box.waiting() == []


async def test_6_a_code_is_taken_once_however_many_give_it_at_once(records: Records) -> None:
    factors = Factors(records)
    tries = (factors.factor().verify(FOR_PROD, factors.code()) for _ in range(4))
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Proof) for each in ended) == 1
    assert all(isinstance(each, Proof | MfaRefused | MfaUnavailable) for each in ended)


async def test_6_guessing_at_once_is_counted_as_guessing_one_by_one(records: Records) -> None:
    factors = Factors(records)
    tries = (factors.factor().verify(FOR_PROD, factors.wrong()) for _ in range(16))
    ended = await asyncio.gather(*tries, return_exceptions=True)
    judged = [each for each in ended if type(each) is MfaRefused]
    assert len(judged) == MOST - 1
    assert all(isinstance(each, MfaRefused | MfaUnavailable) for each in ended)
    with pytest.raises(MfaRefused, match="5 wrong codes"):
        await factors.factor().verify(FOR_PROD, factors.code())


async def test_6_a_sent_code_is_taken_once_by_whichever_run_is_first(records: Records) -> None:
    factors = Factors(records)
    factors.by_telephone()
    challenge = await factors.factor().begin(FOR_PROD)
    assert challenge is not None
    tries = (factors.factor().verify(FOR_PROD, factors.telephone.code, challenge.id) for _ in range(3))
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Proof) for each in ended) == 1
