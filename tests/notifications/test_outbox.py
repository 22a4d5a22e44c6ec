"""The outbox: what is committed is told, at least once, to everyone who wants it, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import NotificationFailed, StoreUnavailable
from sentinel_server.notifications.deliver import Outbox
from sentinel_server.notifications.event import Event, EventType
from sentinel_server.notifications.notifier import Destination
from sentinel_server.notifications.outbox import (
    GIVE_UP,
    INDEX,
    LEASE,
    Outcome,
    outbox_change,
    outbox_ref,
    read_entry,
    wait_before,
)
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref, Row, kept
from tests.fakes.clock import FakeClock
from tests.fakes.notices import Inbox, asked, opened
from tests.fakes.waiting import settle, until

ID = "0123456789abcdef"
MINUTE = timedelta(minutes=1)
DOWN = NotificationFailed("503 from hook.example.com")


class World:
    """An outbox over memory, a clock, and one destination per inbox."""

    def __init__(self, **inboxes: Inbox) -> None:
        self.records = MemoryRecords()
        self.clock = FakeClock()
        self.inboxes = inboxes

    def outbox(self, records: MemoryRecords | None = None) -> Outbox:
        to = [Destination(name=name, notifier=inbox) for name, inbox in self.inboxes.items()]
        return Outbox(records or self.records, to, self.clock, lambda: 0.5)

    async def put(self, event: Event | None = None, delivery_id: str = ID) -> Ref:
        event = event or asked()
        ledger = Ledger.REQUESTS if event.type.value.startswith("request") else Ledger.BREAKGLASS
        assert await self.records.commit([outbox_change(ledger, event, delivery_id)])
        return outbox_ref(ledger, delivery_id)

    def row(self, ref: Ref) -> Row:
        return self.records.look([ref])[ref]


def outcomes(deliveries: Sequence[object]) -> list[Outcome]:
    return [each.outcome for each in deliveries]  # type: ignore[attr-defined]


async def test_29_what_a_change_tells_is_written_with_the_change_or_not_at_all() -> None:
    world = World()
    change = Change(ref=Ref(ledger=Ledger.REQUESTS, key="r"), seen=None, set={"created_at": "1"})
    assert await world.records.commit([change, outbox_change(Ledger.REQUESTS, asked(), ID)])
    assert not await world.records.commit([change, outbox_change(Ledger.REQUESTS, asked(), "f" * 16)])
    assert [entry.delivery_id for entry in await world.outbox().waiting()] == [ID]


async def test_a_row_says_which_request_or_emergency_it_is_about() -> None:
    world = World()
    for event in (asked(), opened()):
        ref = await world.put(event, f"{len(event.type.value):016x}")
        assert event.about is not None
        assert read_entry(world.row(ref)).about == event.about.id


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[" * 10_000,
        '{"v":1,"type":"request.created","request":{}}',
        '{"v":1,"type":"request.created","request":{"id":7}}',
        '{"v":1,"type":"request.created","request":{"id":"\\u001b[2J 0123456789abcdef"}}',
        '{"v":1,"type":"request.created","request":{"id":"' + "a" * 65 + '"}}',
    ],
)
async def test_a_row_that_does_not_say_whom_it_is_about_is_about_nobody(body: str) -> None:
    world = World()
    ref = await world.put()
    entry = read_entry(world.row(ref))
    assert replace(entry, body=body).about == ""


async def test_29_a_process_that_dies_before_delivery_loses_nothing() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    await world.put()  # and here it dies
    assert outcomes(await world.outbox().flush(MINUTE)) == [Outcome.DELIVERED]
    assert inbox.ids == [ID]


async def test_29_a_process_that_dies_in_the_middle_of_delivery_loses_nothing() -> None:
    inbox = Inbox(stalls=True)
    world = World(hook=inbox)
    await world.put()
    dying = asyncio.create_task(world.outbox().flush(MINUTE))
    await until(lambda: inbox.tries > 0)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    inbox.stalls = False
    assert await world.outbox().flush(MINUTE) == []  # somebody may still be at it
    world.clock.pass_(LEASE)
    assert outcomes(await world.outbox().flush(MINUTE)) == [Outcome.DELIVERED]
    assert inbox.ids == [ID]


async def test_a_message_is_kept_for_whoever_tells_it_and_for_some_weeks_once_it_was_told() -> None:
    world = World(hook=Inbox())
    ref = await world.put()
    assert world.row(ref).values[RETENTION] == kept(world.clock.now(), timedelta(days=400))
    world.clock.pass_(timedelta(hours=1))
    await world.outbox().flush(MINUTE)
    assert world.row(ref).values[RETENTION] == kept(world.clock.now(), timedelta(days=30))


async def test_what_was_delivered_is_not_due_any_more() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    ref = await world.put()
    await world.outbox().flush(MINUTE)
    assert INDEX not in world.row(ref).values
    assert await world.outbox().flush(MINUTE) == []
    assert inbox.ids == [ID]
    assert read_entry(world.row(ref)).settled_at == world.clock.now()


async def test_delivering_at_once_sends_the_messages_of_one_change_only() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    await world.put()
    await world.put(opened(), "f" * 16)
    done = await world.outbox().deliver(Ledger.BREAKGLASS, ["f" * 16], MINUTE)
    assert (inbox.ids, outcomes(done)) == (["f" * 16], [Outcome.DELIVERED])


async def test_without_a_destination_of_ours_a_message_stays_for_who_has_one() -> None:
    world = World()
    await world.put()
    assert await world.outbox().deliver(Ledger.REQUESTS, [ID], MINUTE) == []
    assert len(await world.outbox().waiting()) == 1


async def test_each_destination_hears_only_of_what_it_wants() -> None:
    inbox = Inbox()
    world = World()
    await world.put()
    await world.put(opened(), "f" * 16)
    wants = Destination(name="page", notifier=inbox, types=frozenset({EventType.BREAKGLASS_OPENED}))
    done = await Outbox(world.records, [wants], world.clock, lambda: 0.5).flush(MINUTE)
    assert inbox.ids == ["f" * 16]
    assert outcomes(done) == [Outcome.DELIVERED, Outcome.DELIVERED]


async def test_who_has_it_does_not_get_it_again_when_another_failed() -> None:
    good, bad = Inbox(), Inbox(behaviour=DOWN)
    world = World(good=good, bad=bad)
    ref = await world.put()
    (failing,) = await world.outbox().flush(MINUTE)
    assert (failing.outcome, failing.done) == (Outcome.FAILING, ("good",))
    assert failing.failed == {"bad": "503 from hook.example.com"}
    assert read_entry(world.row(ref)).last_error == "bad: 503 from hook.example.com"
    bad.behaviour = None
    world.clock.pass_(MINUTE)
    assert outcomes(await world.outbox().flush(MINUTE)) == [Outcome.DELIVERED]
    assert (good.ids, bad.ids) == ([ID], [ID])


async def test_who_took_it_is_remembered_while_another_still_stalls() -> None:
    good, slow = Inbox(), Inbox(stalls=True)
    world = World(good=good, slow=slow)
    ref = await world.put()
    dying = asyncio.create_task(world.outbox().flush(MINUTE))
    await until(lambda: read_entry(world.row(ref)).done != ())
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    slow.stalls = False
    world.clock.pass_(LEASE)
    await world.outbox().flush(MINUTE)
    assert (good.ids, slow.ids) == ([ID], [ID])


async def test_two_who_flush_at_once_do_not_both_send() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    for number in range(5):
        await world.put(delivery_id=f"{number:016x}")
    both = await asyncio.gather(*(world.outbox().flush(MINUTE) for _ in range(2)))
    assert sorted(inbox.ids) == [f"{number:016x}" for number in range(5)]
    assert sum(len([o for o in outcomes(one) if o is Outcome.DELIVERED]) for one in both) == 5


async def test_a_destination_that_breaks_in_a_way_nobody_foresaw_is_a_failure_and_holds_up_no_other() -> None:
    good = Inbox()
    world = World(odd=Inbox(behaviour=KeyError("PublishResult")), good=good)
    ref = await world.put()
    (done,) = await world.outbox().flush(MINUTE)
    assert (done.outcome, done.done, good.ids) == (Outcome.FAILING, ("good",), [ID])
    assert read_entry(world.row(ref)).last_error == "odd: an unexpected KeyError came instead of an answer"


async def test_a_destination_that_stalls_is_a_failure_in_bounded_time() -> None:
    world = World(slow=Inbox(stalls=True))
    await world.put()
    async with asyncio.timeout(5):
        (stalled,) = await world.outbox().deliver(Ledger.REQUESTS, [ID], timedelta(seconds=0.05))
    assert stalled.outcome is Outcome.FAILING
    assert "no answer" in stalled.failed["slow"]


async def test_a_failed_message_waits_before_it_is_tried_again_unless_told_otherwise() -> None:
    inbox = Inbox(behaviour=DOWN)
    world = World(hook=inbox)
    await world.put()
    await world.outbox().flush(MINUTE)
    assert await world.outbox().flush(MINUTE) == []
    await world.outbox().flush(MINUTE, early=True)
    assert inbox.tries == 2
    world.clock.pass_(MINUTE)
    await world.outbox().flush(MINUTE)
    assert inbox.tries == 3


async def test_a_first_try_never_waits_for_a_clock_that_is_behind() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    await world.put()
    world.clock.pass_(-4 * MINUTE)  # whoever wrote it had corrected theirs by AWS's
    await world.outbox().deliver(Ledger.REQUESTS, [ID], MINUTE)
    assert inbox.ids == [ID]


@pytest.mark.parametrize("name", ["leased_until", "next_at"])
async def test_a_claim_or_a_wait_longer_than_any_of_ours_holds_nothing_back(name: str) -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    ref = await world.put()
    forged: dict[str, str | int | None] = {name: "9999-01-01T00:00:00.000000Z", "attempts": 1}
    assert await world.records.commit([Change(ref=ref, seen=1, set=forged)])
    await world.outbox().flush(MINUTE)
    assert inbox.ids == [ID]


async def test_30_the_wait_that_a_destination_asks_for_is_kept() -> None:
    world = World(hook=Inbox(behaviour=NotificationFailed("429", retry_after=10 * MINUTE)))
    ref = await world.put()
    await world.outbox().flush(MINUTE)
    assert read_entry(world.row(ref)).next_at == world.clock.now() + 10 * MINUTE


async def test_a_dead_destination_does_not_hold_up_the_others() -> None:
    dead, good = Inbox(behaviour=DOWN), Inbox()
    world = World(dead=dead, good=good)
    for number in range(9):
        await world.put(delivery_id=f"{number:016x}")
    done = await world.outbox().flush(MINUTE)
    assert len(good.ids) == 9
    assert dead.tries == 3
    assert outcomes(done) == [Outcome.FAILING] * 9


async def test_a_message_that_nobody_takes_is_given_up_aloud_and_keeps_its_reason() -> None:
    inbox = Inbox(behaviour=DOWN)
    world = World(hook=inbox)
    ref = await world.put()
    world.clock.pass_(GIVE_UP)
    assert outcomes(await world.outbox().flush(MINUTE)) == [Outcome.GIVEN_UP]
    entry = read_entry(world.row(ref))
    assert (entry.given_up, entry.last_error) == (True, "hook: 503 from hook.example.com")
    assert await world.outbox().waiting() == []
    assert inbox.tries == 1, "it was tried once more"


async def test_a_body_that_is_none_of_ours_is_never_sent() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    ref = await world.put()
    assert await world.records.commit([Change(ref=ref, seen=1, set={"body": "{}"})])
    assert outcomes(await world.outbox().flush(MINUTE)) == [Outcome.GIVEN_UP]
    assert inbox.tries == 0


async def test_a_row_that_somebody_made_by_hand_stops_nobody() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    by_hand = Ref(ledger=Ledger.REQUESTS, key="by hand")
    made = Change(ref=by_hand, seen=None, set={INDEX: "due", "created_at": "2000"})
    assert await world.records.commit([made])
    await world.put()
    assert outcomes(await world.outbox().flush(MINUTE)) == [Outcome.FAILING, Outcome.DELIVERED]
    assert [entry.delivery_id for entry in await world.outbox().waiting()] == []


async def test_a_store_that_fails_is_said_and_nothing_is_lost() -> None:
    class Failing(MemoryRecords):
        """A store that does not take progress: each commit after the claim fails."""

        async def commit(self, changes: Sequence[Change]) -> bool:
            if "attempts" not in changes[0].set:
                raise StoreUnavailable("gone")
            return await world.records.commit(changes)

        async def find(self, *args: object, **how: object) -> object:  # type: ignore[override]
            return await world.records.find(*args, **how)  # type: ignore[arg-type]

    inbox = Inbox()
    world = World(hook=inbox)
    await world.put()
    with pytest.raises(StoreUnavailable):
        await world.outbox(Failing()).flush(MINUTE)
    world.clock.pass_(LEASE)
    await world.outbox().flush(MINUTE)
    assert inbox.ids == [ID, ID], "told twice, with one id, rather than never"


async def test_a_flush_ends_when_its_time_is_up() -> None:
    world = World()

    def work(_: object) -> None:
        world.clock.pass_(MINUTE)

    world.inboxes = {"hook": Inbox(on_send=work)}
    for number in range(3):
        await world.put(delivery_id=f"{number:016x}")
    assert len(await world.outbox().flush(MINUTE)) == 1
    assert len(await world.outbox().waiting()) == 2


async def test_when_the_time_is_up_nothing_more_is_sent() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    await world.put()
    (late,) = await world.outbox().deliver(Ledger.REQUESTS, [ID], timedelta(0))
    assert (late.outcome, inbox.tries) == (Outcome.FAILING, 0)
    assert late.failed == {"hook": "not tried: the time was up"}


async def test_more_than_a_page_is_delivered() -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    for number in range(230):
        await world.put(delivery_id=f"{number:016x}")
    await world.outbox().flush(MINUTE)
    assert len(set(inbox.ids)) == 230


@given(st.integers(1, 10**6), st.floats(0, 1), st.none() | st.timedeltas(timedelta(0), timedelta(days=30)))
def test_a_wait_is_never_longer_than_an_hour_and_a_half(
    attempts: int, chance: float, asked: timedelta | None
) -> None:
    wait = wait_before(attempts, chance, asked)
    assert timedelta(seconds=15) <= wait <= timedelta(minutes=90)
    assert wait >= min(asked or timedelta(0), timedelta(hours=1))


@given(st.lists(st.sampled_from(["fail", "die", "pass", "tick"]), max_size=12))
async def test_whatever_fails_every_message_arrives_in_the_end(story: list[str]) -> None:
    inbox = Inbox()
    world = World(hook=inbox)
    await world.put()
    for what in story:
        inbox.behaviour = DOWN if what == "fail" else None
        inbox.stalls = what == "die"
        if what == "tick":
            world.clock.pass_(2 * MINUTE)
            continue
        turn = asyncio.create_task(world.outbox().flush(MINUTE))
        for _ in range(3):
            await settle()
        turn.cancel()
        await asyncio.gather(turn, return_exceptions=True)
    inbox.behaviour, inbox.stalls = None, False
    world.clock.pass_(timedelta(hours=2))
    await world.outbox().flush(MINUTE)
    assert set(inbox.ids) == {ID}
    assert await world.outbox().waiting() == []
