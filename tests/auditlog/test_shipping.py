"""What the files have arrives elsewhere: all of it, in order, whoever dies meanwhile, in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.auditlog.shipping import LagGuard, Limits, Nudging, Shipper
from sentinel_server.errors import AuditUnavailable
from tests.fakes.audit import MemoryAudit
from tests.fakes.auditlogs import START, a_log, a_name, an_event
from tests.fakes.clock import FakeClock
from tests.fakes.shipping_log import MemoryCursor, MemoryFiles, MemoryOutlet
from tests.fakes.waiting import until

FIRST, SECOND = a_name(0), a_name(1, "b" * 16)
LINES = a_log().splitlines()
DOWN = AuditUnavailable("it is down")


class Way:
    """A shipper, and everything around it."""

    def __init__(self, **contents: bytes) -> None:
        self.files = MemoryFiles({FIRST: a_log(), SECOND: a_log(writer="b" * 16), **contents})
        self.outlet = MemoryOutlet()
        self.cursor = MemoryCursor()
        self.notes: list[str] = []
        self.shipper = self.another()

    def another(self) -> Shipper:
        """As another process would have it."""
        return Shipper(
            self.files, self.outlet, self.cursor, note=self.notes.append, chance=lambda: 1.0, every=0.01
        )

    def everything(self) -> list[bytes]:
        return [line for name in self.files.names() for line in self.files.contents[name].splitlines()]


async def while_running(shipper: Shipper, doing: Callable[[], Awaitable[None]]) -> None:
    running = asyncio.create_task(shipper.run())
    try:
        await doing()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_every_line_is_sent_once_and_in_order() -> None:
    way = Way()
    assert await way.shipper.ship() == len(way.everything())
    assert way.outlet.got() == way.everything()
    assert await way.shipper.ship() == 0


async def test_a_batch_is_of_one_file_and_within_the_limits() -> None:
    way = Way()
    way.outlet.limits = Limits(lines=100, size=700, overhead=26)
    await way.shipper.ship()
    assert len(way.outlet.batches) > 4
    for batch in way.outlet.batches:
        assert batch.lines[0] in way.files.contents[batch.file]
        assert len(batch.lines) == 1 or sum(len(line) + 26 for line in batch.lines) <= 700
    assert way.outlet.got() == way.everything()


async def test_a_line_too_large_for_any_batch_is_sent_by_itself() -> None:
    way = Way()
    way.outlet.limits = Limits(lines=100, size=1)
    await way.shipper.ship()
    assert way.outlet.got() == way.everything()


async def test_half_a_line_waits_for_its_end() -> None:
    way = Way()
    way.files.contents = {FIRST: a_log()[:-1]}
    await way.shipper.ship()
    assert way.outlet.got() == LINES[:-1]
    way.files.contents = {FIRST: a_log()}
    await way.shipper.ship()
    assert way.outlet.got() == LINES


@pytest.mark.parametrize("after", range(9))
async def test_what_one_process_could_not_send_the_next_one_does(after: int) -> None:
    way = Way()
    way.outlet.fails, way.outlet.after = DOWN, after
    with suppress(AuditUnavailable):
        await way.shipper.ship()
    way.outlet.fails = None
    await way.another().ship()
    assert way.outlet.got() == way.everything()


async def test_what_was_sent_and_not_remembered_is_sent_again_and_nothing_is_left_out() -> None:
    way = Way()
    await way.shipper.ship()
    way.cursor.sent = {FIRST: len(LINES[0]) + 1}
    await way.another().ship()
    assert way.outlet.got() == way.everything() + way.everything()[1:]


@given(cuts=st.lists(st.integers(0, 24), max_size=6), data=st.data())
async def test_nothing_is_ever_left_out(cuts: list[int], data: st.DataObject) -> None:
    way = Way()
    for cut in cuts:
        way.outlet.fails, way.outlet.after = DOWN, cut
        with suppress(AuditUnavailable):
            await way.another().ship()
        if data.draw(st.booleans()):
            way.cursor.sent = {}
    way.outlet.fails = None
    await way.another().ship()
    assert set(way.outlet.got()) == set(way.everything())


async def test_one_process_sends_at_a_time() -> None:
    way = Way()
    way.cursor.taken = True
    assert await way.shipper.ship() == 0
    assert way.outlet.got() == []


async def test_files_that_are_gone_are_forgotten() -> None:
    way = Way()
    await way.shipper.ship()
    del way.files.contents[FIRST]
    way.files.contents[a_name(2)] = a_log()
    await way.shipper.ship()
    assert set(way.cursor.sent) == {SECOND, a_name(2)}


async def test_new_lines_are_sent_while_it_runs() -> None:
    way = Way()

    async def doing() -> None:
        await until(lambda: len(way.outlet.got()) == len(way.everything()))
        way.files.contents[a_name(2, "c" * 16)] = a_log(writer="c" * 16)
        way.shipper.nudge()
        await until(lambda: way.outlet.got() == way.everything())

    await while_running(way.shipper, doing)


async def test_a_place_that_is_down_is_said_to_be_so_once_and_then_to_be_up_again() -> None:
    way = Way()
    way.outlet.fails = DOWN

    async def doing() -> None:
        await until(lambda: way.shipper.failures >= 3)
        assert way.notes == ["the audit log does not reach elsewhere: it is down; it is kept, and sent later"]
        way.outlet.fails = None
        await until(lambda: len(way.notes) == 2)

    await while_running(way.shipper, doing)
    assert way.notes[1] == "the audit log reaches elsewhere again"
    assert way.outlet.got() == way.everything()


async def test_what_is_left_in_the_end_is_sent_or_said() -> None:
    way = Way()
    await way.shipper.close(timedelta(seconds=5))
    assert way.outlet.got() == way.everything()
    assert way.notes == []
    way.outlet.fails = DOWN
    way.files.contents[a_name(2)] = a_log()
    await way.another().close(timedelta(seconds=5))
    assert way.notes == [
        "the audit log is not all in elsewhere yet: it is down; later: sentinel audit ship",
    ]


async def test_a_place_that_says_nothing_does_not_keep_a_process_from_ending() -> None:
    way = Way()
    way.outlet.silent = True
    await way.shipper.close(timedelta(milliseconds=20))
    assert "it takes too long" in way.notes[0]


async def test_recording_tells_the_shipper_and_does_not_wait_for_it() -> None:
    way = Way()
    way.outlet.fails = DOWN
    inner = MemoryAudit()
    sink = Nudging(inner, (way.shipper,))
    await sink.record(an_event(1))
    assert inner.synced == [an_event(1)]
    await sink.close()
    assert inner.closed


# ---- how far behind a place may be


def guard(way: Way, clock: FakeClock) -> LagGuard:
    return LagGuard(way.shipper, clock, timedelta(minutes=10))


async def test_the_oldest_unsent_line_is_known() -> None:
    way = Way()
    assert await asyncio.to_thread(way.shipper.oldest) == START
    await way.shipper.ship()
    assert way.shipper.oldest() is None


async def test_a_place_that_is_down_for_too_long_stops_everything() -> None:
    way, clock = Way(), FakeClock(time=START)
    way.outlet.fails = DOWN
    clock.pass_(timedelta(minutes=9))
    await guard(way, clock).record(an_event())
    clock.pass_(timedelta(minutes=2))
    with pytest.raises(AuditUnavailable, match="elsewhere has not taken the audit log for 660 s"):
        await guard(way, clock).record(an_event())


async def test_what_was_only_left_lying_is_sent_before_anything_is_refused() -> None:
    way, clock = Way(), FakeClock(time=START)
    clock.pass_(timedelta(days=3))
    await guard(way, clock).record(an_event())
    assert way.outlet.got() == way.everything()


async def test_it_is_looked_at_once_a_second() -> None:
    way, clock = Way(), FakeClock(time=START)
    guarding = guard(way, clock)
    await guarding.record(an_event())
    way.outlet.fails = DOWN
    clock.time += timedelta(hours=1)
    await guarding.record(an_event())
    clock.seconds += 1.5
    with pytest.raises(AuditUnavailable):
        await guarding.record(an_event())
    way.outlet.fails = None
    await guarding.record(an_event())
    await guarding.close()
