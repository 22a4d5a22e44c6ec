"""Shared reads are never older than the fetch that uses them, never too many, and never leak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import LoginRequired, StoreUnavailable
from sentinel_server.sessions.model import Block, BlockKey, Scope, Standing
from sentinel_server.sessions.reads import FreshReads, ReadLimits
from tests.fakes.sessions import a_block
from tests.fakes.waiting import settle, until

EVERYONE = BlockKey(scope=Scope.EVERYONE)
PATIENT = ReadLimits(budget=60.0)


@dataclass
class SlowStore:
    """Answers with the number of the read, when the test lets it; remembers what was begun and what ran."""

    begun: list[float] = field(default_factory=list)
    answers: list[asyncio.Future[None]] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def standing(self, session_id: str | None, keys: Sequence[BlockKey]) -> Standing:
        loop = asyncio.get_running_loop()
        number = len(self.begun)
        self.begun.append(loop.time())
        self.answers.append(loop.create_future())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.answers[number]
        finally:
            self.running -= 1
        return numbered(number)

    def answer(self, number: int) -> None:
        self.answers[number].set_result(None)


def numbered(number: int) -> Standing:
    return Standing(session=None, blocks=(a_block(EVERYONE, reason=str(number)),))


def number_of(standing: Standing) -> int:
    (block,) = standing.blocks
    assert isinstance(block, Block)
    return int(block.reason)


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
async def reads(store: SlowStore) -> AsyncIterator[FreshReads]:
    shared = FreshReads(store, PATIENT)
    yield shared
    await shared.close()
    assert store.running == 0


def ask(reads: FreshReads) -> asyncio.Task[Standing]:
    return asyncio.ensure_future(reads.standing("0" * 16, (EVERYONE,)))


async def test_the_first_begins_at_once_and_latecomers_share_the_next(
    store: SlowStore, reads: FreshReads
) -> None:
    first = ask(reads)
    await settle()
    late, later = ask(reads), ask(reads)
    await settle()
    assert len(store.begun) == 1, "a read is under way, so the latecomers gather"
    store.answer(0)
    await settle()
    assert len(store.begun) == 2, "the next begins when one has finished"
    store.answer(1)
    assert [number_of(await each) for each in (first, late, later)] == [0, 1, 1]


async def test_a_read_that_hangs_delays_nobody_else_by_more_than_the_gathering(
    store: SlowStore, reads: FreshReads
) -> None:
    hung = ask(reads)
    await settle()
    asked = asyncio.get_running_loop().time()
    late = ask(reads)
    await until(lambda: len(store.begun) >= 2)
    assert store.begun[1] - asked >= 0.02, "not before it has gathered"
    store.answer(1)
    assert number_of(await late) == 1
    assert not hung.done()


async def test_no_more_than_four_overlap_and_the_rest_go_when_one_finishes(store: SlowStore) -> None:
    reads = FreshReads(store, ReadLimits(budget=60.0, gather=0.0))
    asked = []
    for number in range(4):
        asked.append(ask(reads))
        await until(lambda: len(store.begun) > number)  # noqa: B023 (awaited at once)
    fifth = ask(reads)
    await settle()
    assert (len(store.begun), store.most) == (4, 4)
    store.answer(2)
    await settle()
    assert len(store.begun) == 5
    store.answer(4)
    assert number_of(await fifth) == 4
    assert number_of(await asked[2]) == 2
    await reads.close()


async def test_a_failed_read_fails_its_waiters_only(store: SlowStore, reads: FreshReads) -> None:
    first = ask(reads)
    await settle()
    second, third = ask(reads), ask(reads)
    await settle()
    store.answers[0].set_exception(LoginRequired("lapsed", hint="log in"))
    with pytest.raises(LoginRequired, match="lapsed"):
        await first
    await settle()
    store.answer(1)
    assert [number_of(await each) for each in (second, third)] == [1, 1]


async def test_each_waiter_of_a_failed_read_gets_an_error_of_its_own(
    store: SlowStore, reads: FreshReads
) -> None:
    first = ask(reads)
    await settle()
    waiters = [ask(reads), ask(reads)]
    await settle()
    store.answer(0)
    await settle()
    store.answers[1].set_exception(StoreUnavailable("down", hint="wait"))
    errors = await asyncio.gather(*waiters, return_exceptions=True)
    assert all(isinstance(error, StoreUnavailable) and error.hint == "wait" for error in errors)
    assert errors[0] is not errors[1]
    await first


async def test_an_error_that_is_not_ours_reaches_the_waiters_too(store: SlowStore, reads: FreshReads) -> None:
    waiter = ask(reads)
    await settle()
    store.answers[0].set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await waiter


async def test_a_waiter_that_gives_up_harms_no_other(store: SlowStore, reads: FreshReads) -> None:
    first = ask(reads)
    await settle()
    quitter, stayer = ask(reads), ask(reads)
    await settle()
    quitter.cancel()
    first.cancel()
    await settle()
    store.answer(0)
    await settle()
    store.answer(1)
    assert number_of(await stayer) == 1
    assert quitter.cancelled()
    assert first.cancelled()


async def test_no_read_is_begun_for_waiters_that_have_all_gone(store: SlowStore, reads: FreshReads) -> None:
    first = ask(reads)
    await settle()
    gone = ask(reads)
    await settle()
    gone.cancel()
    store.answer(0)
    assert number_of(await first) == 0
    await settle()
    assert len(store.begun) == 1


async def test_no_answer_within_the_budget_is_a_failure_and_the_read_is_stopped(store: SlowStore) -> None:
    reads = FreshReads(store, ReadLimits(budget=0.05))
    with pytest.raises(StoreUnavailable, match="within 50 ms"):
        await reads.standing("0" * 16, (EVERYONE,))
    await until(lambda: not store.running)
    await reads.close()


async def test_closing_fails_whoever_waits_and_leaves_no_task(store: SlowStore) -> None:
    reads = FreshReads(store, PATIENT)
    waiters = [ask(reads)]
    await settle()
    waiters.append(ask(reads))
    await settle()
    before = asyncio.all_tasks()
    await reads.close()
    errors = await asyncio.gather(*waiters, return_exceptions=True)
    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert store.running == 0
    assert asyncio.all_tasks() <= before
    with pytest.raises(StoreUnavailable):
        await reads.standing("0" * 16, (EVERYONE,))


async def test_different_questions_never_share_a_read(store: SlowStore, reads: FreshReads) -> None:
    first = ask(reads)
    other = asyncio.ensure_future(reads.standing(None, ()))
    await settle()
    assert len(store.begun) == 2
    store.answer(1)
    store.answer(0)
    assert (number_of(await other), number_of(await first)) == (1, 0)


@dataclass
class Play:
    """Any order of asking, answering, failing and giving up, on a store whose reads are numbered."""

    store: SlowStore = field(default_factory=SlowStore)
    asked: list[tuple[int, asyncio.Task[Standing]]] = field(default_factory=list)

    async def run(self, moves: list[tuple[str, int]]) -> None:
        reads = FreshReads(self.store, ReadLimits(budget=60.0, gather=0.0005))
        for verb, choice in moves:
            if verb == "ask":
                self.asked.append((len(self.store.begun), ask(reads)))
                await asyncio.sleep(0)
            elif verb == "quit" and self.asked:
                self.asked[choice % len(self.asked)][1].cancel()
            elif verb == "wait":
                await asyncio.sleep(0.001)
            else:
                await self.finish(choice, well=verb == "answer")
        while not all(task.done() for _, task in self.asked):
            await self.finish(0, well=True)
            await asyncio.sleep(0.001)
        await reads.close()

    async def finish(self, choice: int, *, well: bool) -> None:
        """End one of the reads under way, if there is one."""
        under_way = [answer for answer in self.store.answers if not answer.done()]
        if under_way and well:
            under_way[choice % len(under_way)].set_result(None)
        elif under_way:
            under_way[choice % len(under_way)].set_exception(StoreUnavailable("down"))
        await settle()


MOVES = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "answer", "fail", "quit", "wait"]), st.integers(0, 9)),
    max_size=60,
)


@given(MOVES)
def test_no_waiter_ever_gets_a_read_that_began_before_it_asked(moves: list[tuple[str, int]]) -> None:
    play = Play()
    asyncio.run(play.run(moves))
    assert play.store.most <= 4
    assert play.store.running == 0
    for begun_before, task in play.asked:
        if not task.cancelled() and task.exception() is None:
            assert number_of(task.result()) >= begun_before


def test_the_limits_are_those_the_product_promises() -> None:
    assert ReadLimits() == ReadLimits(budget=0.7, gather=0.025, overlap=4)
