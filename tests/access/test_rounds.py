"""Rounds are never older than whoever they answer, never too many, and never leak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.access.rounds import Count, NotInTime, RoundLimits, Rounds
from sentinel_server.errors import LoginRequired, StoreUnavailable
from tests.fakes.waiting import settle, until

PATIENT = RoundLimits(budget=60.0)


@dataclass
class Work:
    """Answers with the number of the round, when the test lets it; remembers what was begun and what ran."""

    begun: list[float] = field(default_factory=list)
    answers: list[asyncio.Future[None]] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    running: int = 0
    most: int = 0

    async def __call__(self, count: Count) -> int:
        loop = asyncio.get_running_loop()
        number = len(self.begun)
        self.begun.append(loop.time())
        self.answers.append(loop.create_future())
        self.counts.append(count)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.answers[number]
        finally:
            self.running -= 1
        return number

    def answer(self, number: int) -> None:
        self.answers[number].set_result(None)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def rounds(work: Work) -> AsyncIterator[Rounds[int]]:
    shared = Rounds(work, PATIENT)
    yield shared
    await shared.close()
    assert work.running == 0


async def _asked(rounds: Rounds[int]) -> int:
    return await rounds.ask()


def ask(rounds: Rounds[int]) -> asyncio.Task[int]:
    return asyncio.ensure_future(_asked(rounds))


async def test_the_first_begins_at_once_and_latecomers_share_the_next(
    work: Work, rounds: Rounds[int]
) -> None:
    first = ask(rounds)
    await settle()
    late, later = ask(rounds), ask(rounds)
    await settle()
    assert len(work.begun) == 1, "a read is under way, so the latecomers gather"
    work.answer(0)
    await settle()
    assert len(work.begun) == 2, "the next begins when one has finished"
    work.answer(1)
    assert [(await each) for each in (first, late, later)] == [0, 1, 1]


async def test_a_read_that_hangs_delays_nobody_else_by_more_than_the_gathering(
    work: Work, rounds: Rounds[int]
) -> None:
    hung = ask(rounds)
    await settle()
    asked = asyncio.get_running_loop().time()
    late = ask(rounds)
    await until(lambda: len(work.begun) >= 2)
    assert work.begun[1] - asked >= 0.02, "not before it has gathered"
    work.answer(1)
    assert (await late) == 1
    assert not hung.done()


async def test_no_more_than_four_overlap_and_the_rest_go_when_one_finishes(work: Work) -> None:
    rounds = Rounds(work, RoundLimits(budget=60.0, gather=0.0))
    asked = []
    for number in range(4):
        asked.append(ask(rounds))
        await until(lambda: len(work.begun) > number)  # noqa: B023 (awaited at once)
    fifth = ask(rounds)
    await settle()
    assert (len(work.begun), work.most) == (4, 4)
    work.answer(2)
    await settle()
    assert len(work.begun) == 5
    work.answer(4)
    assert (await fifth) == 4
    assert (await asked[2]) == 2
    await rounds.close()


async def test_a_failed_read_fails_its_waiters_only(work: Work, rounds: Rounds[int]) -> None:
    first = ask(rounds)
    await settle()
    second, third = ask(rounds), ask(rounds)
    await settle()
    work.answers[0].set_exception(LoginRequired("lapsed", hint="log in"))
    with pytest.raises(LoginRequired, match="lapsed"):
        await first
    await settle()
    work.answer(1)
    assert [(await each) for each in (second, third)] == [1, 1]


async def test_each_waiter_of_a_failed_read_gets_an_error_of_its_own(work: Work, rounds: Rounds[int]) -> None:
    first = ask(rounds)
    await settle()
    waiters = [ask(rounds), ask(rounds)]
    await settle()
    work.answer(0)
    await settle()
    work.answers[1].set_exception(StoreUnavailable("down", hint="wait"))
    errors = await asyncio.gather(*waiters, return_exceptions=True)
    assert all(isinstance(error, StoreUnavailable) and error.hint == "wait" for error in errors)
    assert errors[0] is not errors[1]
    await first


async def test_an_error_that_is_not_ours_reaches_the_waiters_too(work: Work, rounds: Rounds[int]) -> None:
    waiter = ask(rounds)
    await settle()
    work.answers[0].set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await waiter


async def test_a_waiter_that_gives_up_harms_no_other(work: Work, rounds: Rounds[int]) -> None:
    first = ask(rounds)
    await settle()
    quitter, stayer = ask(rounds), ask(rounds)
    await settle()
    quitter.cancel()
    first.cancel()
    await settle()
    work.answer(0)
    await settle()
    work.answer(1)
    assert (await stayer) == 1
    assert quitter.cancelled()
    assert first.cancelled()


async def test_no_read_is_begun_for_waiters_that_have_all_gone(work: Work, rounds: Rounds[int]) -> None:
    first = ask(rounds)
    await settle()
    gone = ask(rounds)
    await settle()
    gone.cancel()
    work.answer(0)
    assert (await first) == 0
    await settle()
    assert len(work.begun) == 1


async def test_no_answer_within_the_budget_is_a_failure_and_the_read_is_stopped(work: Work) -> None:
    rounds = Rounds(work, RoundLimits(budget=0.05))
    with pytest.raises(StoreUnavailable, match="within 50 ms"):
        await rounds.ask()
    await until(lambda: not work.running)
    await rounds.close()


async def test_each_who_had_no_answer_in_time_can_tell_that_from_every_other_failure(work: Work) -> None:
    rounds = Rounds(work, RoundLimits(budget=0.2))
    asked = [ask(rounds) for _ in range(3)]
    asked[0].cancel()
    found = await asyncio.gather(*asked[1:], return_exceptions=True)
    assert [(type(error), str(error)) for error in found] == [(NotInTime, "no answer within 200 ms")] * 2
    assert found[0] is not found[1]
    await until(lambda: not work.running)
    last = ask(rounds)
    await settle()
    await rounds.close()
    (closed,) = await asyncio.gather(last, return_exceptions=True)
    assert type(closed) is StoreUnavailable


async def test_closing_fails_whoever_waits_and_leaves_no_task(work: Work) -> None:
    rounds = Rounds(work, PATIENT)
    waiters = [ask(rounds)]
    await settle()
    waiters.append(ask(rounds))
    await settle()
    before = asyncio.all_tasks()
    await rounds.close()
    errors = await asyncio.gather(*waiters, return_exceptions=True)
    assert all(isinstance(error, StoreUnavailable) for error in errors)
    assert work.running == 0
    assert asyncio.all_tasks() <= before
    with pytest.raises(StoreUnavailable):
        await rounds.ask()


async def test_who_asks_before_the_work_has_begun_joins_it(work: Work, rounds: Rounds[int]) -> None:
    asked = [rounds.ask() for _ in range(3)]
    assert work.begun == []
    await settle()
    assert len(work.begun) == 1
    late = rounds.ask()
    work.answer(0)
    await settle()
    work.answer(1)
    assert [await each for each in (*asked, late)] == [0, 0, 0, 1]


async def test_a_round_knows_how_many_wait_for_it(work: Work, rounds: Rounds[int]) -> None:
    first = ask(rounds)
    await settle()
    waiters = [ask(rounds) for _ in range(3)]
    await settle()
    work.answer(0)
    await settle()
    assert work.counts[1]() == 3
    waiters[0].cancel()
    await settle()
    assert work.counts[1]() == 2
    work.answer(1)
    assert await asyncio.gather(first, *waiters[1:]) == [0, 1, 1]


async def test_who_waits_for_a_free_round_waits_no_longer_than_the_budget(work: Work) -> None:
    rounds = Rounds(work, RoundLimits(budget=0.05, overlap=1))
    for _ in range(2):
        asked = [ask(rounds), ask(rounds)]
        await settle()
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(error, StoreUnavailable) for error in errors)
    await until(lambda: not work.running)
    await rounds.close()


async def test_the_last_to_join_has_the_whole_budget(work: Work) -> None:
    rounds = Rounds(work, RoundLimits(budget=1.0, gather=0.4))
    hung = ask(rounds)
    await settle()
    early = ask(rounds)
    await asyncio.sleep(0.3)
    late = ask(rounds)
    with pytest.raises(StoreUnavailable):
        await early
    assert not late.done()
    work.answer(1)
    assert await late == 1
    assert isinstance(hung.exception(), StoreUnavailable)
    await rounds.close()


@dataclass
class Play:
    """Any order of asking, answering, failing and giving up, on a work whose rounds are numbered."""

    work: Work = field(default_factory=Work)
    asked: list[tuple[int, asyncio.Task[int]]] = field(default_factory=list)

    async def run(self, moves: list[tuple[str, int]]) -> None:
        rounds = Rounds(self.work, RoundLimits(budget=60.0, gather=0.0005))
        for verb, choice in moves:
            if verb == "ask":
                self.asked.append((len(self.work.begun), ask(rounds)))
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
        await rounds.close()

    async def finish(self, choice: int, *, well: bool) -> None:
        """End one of the rounds under way, if there is one."""
        under_way = [answer for answer in self.work.answers if not answer.done()]
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
    assert play.work.most <= 4
    assert play.work.running == 0
    for begun_before, task in play.asked:
        if not task.cancelled() and task.exception() is None:
            assert task.result() >= begun_before


def test_the_limits_are_those_the_product_promises() -> None:
    assert RoundLimits() == RoundLimits(budget=0.7, gather=0.025, overlap=4)
