"""A read begun twice at most: the first good answer wins and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.adapters.aws.dynamodb import hedged
from sentinel_server.bucket import Bucket
from sentinel_server.errors import StoreUnavailable
from tests.fakes.waiting import settle, until


class Reads:
    """Attempts that the test answers; counts those begun and those cancelled."""

    def __init__(self) -> None:
        self.attempts: list[asyncio.Future[str]] = []
        self.cancelled = 0

    async def read(self) -> str:
        self.attempts.append(asyncio.get_running_loop().create_future())
        try:
            return await self.attempts[-1]
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def begin(reads: Reads, *, after: float = 60.0, within: float = 60.0) -> asyncio.Task[str]:
    return asyncio.ensure_future(hedged(reads.read, after=after, within=within))


async def test_a_prompt_answer_needs_no_second_attempt() -> None:
    reads = Reads()
    task = begin(reads)
    await until(lambda: len(reads.attempts) == 1)
    reads.attempts[0].set_result("one")
    assert await task == "one"
    assert len(reads.attempts) == 1


async def test_a_fast_failure_is_followed_at_once_by_a_second_attempt() -> None:
    reads = Reads()
    task = begin(reads)
    await until(lambda: len(reads.attempts) == 1)
    reads.attempts[0].set_exception(StoreUnavailable("one"))
    await until(lambda: len(reads.attempts) == 2)
    reads.attempts[1].set_result("two")
    assert await task == "two"


@pytest.mark.parametrize("winner", [0, 1])
async def test_the_first_good_answer_wins_and_the_other_is_cancelled(winner: int) -> None:
    reads = Reads()
    task = begin(reads, after=0.001)
    await until(lambda: len(reads.attempts) == 2)
    reads.attempts[winner].set_result("won")
    assert await task == "won"
    assert reads.cancelled == 1


async def test_a_late_failure_of_the_first_leaves_the_second_its_chance() -> None:
    reads = Reads()
    task = begin(reads, after=0.001)
    await until(lambda: len(reads.attempts) == 2)
    reads.attempts[0].set_exception(StoreUnavailable("one"))
    await asyncio.sleep(0)
    reads.attempts[1].set_result("two")
    assert await task == "two"


async def test_two_failures_are_the_end_of_it() -> None:
    reads = Reads()
    task = begin(reads)
    for number in range(2):
        await until(lambda: len(reads.attempts) > number)  # noqa: B023 (awaited at once)
        reads.attempts[number].set_exception(StoreUnavailable(f"attempt {number}"))
    with pytest.raises(StoreUnavailable, match="attempt"):
        await task
    assert len(reads.attempts) == 2


async def test_silence_ends_in_an_error_and_both_are_cancelled() -> None:
    reads = Reads()
    with pytest.raises(StoreUnavailable, match="within 20 ms"):
        await begin(reads, after=0.001, within=0.02)
    assert reads.cancelled == len(reads.attempts) == 2


async def test_whoever_gives_up_leaves_no_attempt_behind() -> None:
    reads = Reads()
    task = begin(reads, after=0.001)
    await until(lambda: len(reads.attempts) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reads.cancelled == 2


OUTCOMES = st.tuples(st.sampled_from(["good", "bad"]), st.integers(0, 3))


@given(OUTCOMES, OUTCOMES, st.integers(0, 3))
def test_it_succeeds_exactly_when_an_attempt_that_was_begun_does(
    first: tuple[str, int], second: tuple[str, int], after: int
) -> None:
    begun: list[tuple[str, int]] = []

    def attempts(outcomes: list[tuple[str, int]]) -> Callable[[], Awaitable[str]]:
        async def read() -> str:
            how, turns = outcomes[len(begun)]
            begun.append((how, turns))
            for _ in range(turns):
                await asyncio.sleep(0)
            if how == "bad":
                raise StoreUnavailable("bad")
            return how

        return read

    async def play() -> str | None:
        try:
            return await hedged(attempts([first, second]), after=after / 10_000, within=60.0)
        except StoreUnavailable:
            return None

    outcome = asyncio.run(play())
    assert (outcome == "good") == any(how == "good" for how, _ in begun)
    assert len(begun) == 2 or first[0] == "good"


class Spent(Bucket):
    """A bucket without a token; counts who would have liked one."""

    def __init__(self) -> None:
        super().__init__(1.0, burst=0.0)
        self.wanted = 0

    def take_one_there(self, now: float) -> bool:
        self.wanted += 1
        return super().take_one_there(now)


@pytest.mark.parametrize("good", [True, False])
async def test_without_a_hedge_left_a_slow_read_stays_alone(good: bool) -> None:
    reads, hedges = Reads(), Spent()
    task = asyncio.ensure_future(hedged(reads.read, after=0.001, within=60.0, hedges=hedges))
    await until(lambda: hedges.wanted == 1)
    await settle()
    (alone,) = reads.attempts
    if good:
        alone.set_result("good")
        assert await task == "good"
    else:
        alone.set_exception(StoreUnavailable("alone"))
        with pytest.raises(StoreUnavailable, match="alone"):
            await task
    assert (len(reads.attempts), hedges.wanted) == (1, 1)


async def test_what_has_failed_is_repeated_though_no_hedge_is_left() -> None:
    reads, hedges = Reads(), Spent()
    task = asyncio.ensure_future(hedged(reads.read, after=60.0, within=60.0, hedges=hedges))
    await until(lambda: len(reads.attempts) == 1)
    reads.attempts[0].set_exception(StoreUnavailable("reset"))
    await until(lambda: len(reads.attempts) == 2)
    reads.attempts[1].set_result("good")
    assert (await task, hedges.wanted) == ("good", 0)


async def test_a_slow_read_takes_a_hedge_while_there_is_one() -> None:
    reads, hedges = Reads(), Bucket(0.001, burst=1000.0)
    task = asyncio.ensure_future(hedged(reads.read, after=0.001, within=60.0, hedges=hedges))
    await until(lambda: len(reads.attempts) == 2)
    reads.attempts[1].set_result("good")
    assert await task == "good"
    assert not hedges.take_one_there(asyncio.get_running_loop().time()), "it was the only one"
