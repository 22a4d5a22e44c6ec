"""Threads that work for an event loop: what they hand back, and what they leave undone."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import NoReturn

import pytest

from sentinel_server.workers import Workers
from tests.fakes.threads import no_more_threads
from tests.fakes.waiting import until


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers("worker")
    yield made
    made.close()


def ours(before: set[threading.Thread]) -> list[threading.Thread]:
    """The threads that are there since, by name."""
    return [each for each in threading.enumerate() if each not in before and each.name.startswith("worker")]


async def test_what_the_work_returns_or_raises_comes_back(workers: Workers) -> None:
    assert await workers.run(lambda: 7) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        await workers.run(lambda: int("x"))
    assert await workers.run(lambda: 8) == 8, "the thread lives on"


@pytest.mark.parametrize("raised", [StopIteration("x"), SystemExit(3), KeyboardInterrupt()])
async def test_whatever_is_raised_is_an_outcome_and_ends_no_thread(
    workers: Workers, raised: BaseException
) -> None:
    def fails() -> NoReturn:
        raise raised

    future = workers.run(fails)
    await asyncio.wait([future])
    found = future.exception()
    assert raised in (found, None if found is None else found.__cause__)
    assert await workers.run(lambda: 8) == 8


async def test_one_thread_takes_the_work_in_its_turn(workers: Workers) -> None:
    seen: list[int] = []
    await asyncio.gather(*(workers.run(partial(seen.append, number)) for number in range(100)))
    assert seen == list(range(100))


async def test_no_more_threads_than_the_limit_and_none_before_they_are_needed() -> None:
    before = set(threading.enumerate())
    workers, gate = Workers("worker", limit=3), threading.Event()
    counts = [len(ours(before))]
    for _ in range(3):
        await workers.run(lambda: None)
    counts.append(len(ours(before)))
    waiting = [workers.run(lambda: gate.wait(60)) for _ in range(9)]
    counts.append(len(ours(before)))
    gate.set()
    assert all(await asyncio.gather(*waiting))
    workers.close()
    assert counts == [0, 1, 3]
    await until(lambda: not ours(before))


async def test_what_is_cancelled_before_its_turn_never_begins(workers: Workers) -> None:
    gate, begun = threading.Event(), threading.Event()
    first, second = workers.run(lambda: gate.wait(60)), workers.run(begun.set)
    second.cancel()
    gate.set()
    assert await first
    assert await workers.run(lambda: True)
    assert not begun.is_set()


async def test_what_is_cancelled_after_it_began_goes_on_and_harms_nobody(workers: Workers) -> None:
    gate, began, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        gate.wait(60)
        ended.set()

    future = workers.run(work)
    await until(began.is_set)
    future.cancel()
    gate.set()
    assert await workers.run(ended.is_set)


async def test_closing_cancels_what_waits_and_lets_end_what_has_begun() -> None:
    before = set(threading.enumerate())
    workers, gate, began = Workers("worker"), threading.Event(), threading.Event()

    def work() -> str:
        began.set()
        gate.wait(60)
        return "done"

    first, second = workers.run(work), workers.run(work)
    await until(began.is_set)
    workers.close()
    workers.close()
    assert second.cancelled()
    with pytest.raises(RuntimeError, match="closed"):
        await workers.run(work)
    gate.set()
    assert await first == "done"
    await until(lambda: not ours(before))


class Kept:
    """Something that can be seen to be gone."""


@pytest.mark.parametrize("fails", [False, True])
async def test_workers_that_nobody_has_any_more_are_gone_and_keep_nothing(fails: bool) -> None:
    before = set(threading.enumerate())
    workers, kept = Workers("worker"), Kept()
    seen = weakref.ref(kept)

    def work(held: Kept) -> Kept:
        if fails:
            raise ValueError("x")
        return held

    gc.disable()  # what goes must go without a search for cycles
    try:
        with suppress(ValueError):
            await workers.run(partial(work, kept))
        del kept
        await until(lambda: seen() is None)
    finally:
        gc.enable()
    del workers
    await until(lambda: not ours(before))


async def test_the_system_may_refuse_a_thread_now_and_give_one_later() -> None:
    before, workers, gate = set(threading.enumerate()), Workers("worker", limit=2), threading.Event()
    with no_more_threads(), pytest.raises(RuntimeError, match="thread"):
        await workers.run(lambda: 1)
    first = workers.run(lambda: gate.wait(60))
    with no_more_threads():
        second = workers.run(lambda: 2)
    gate.set()
    assert (await first, await second, len(ours(before))) == (True, 2, 1), "the one that is there does both"
    assert await asyncio.gather(*(workers.run(lambda: 3) for _ in range(3))) == [3, 3, 3]
    workers.close()


def test_workers_can_be_closed_after_their_loop() -> None:
    before, workers, gate = set(threading.enumerate()), Workers("worker"), threading.Event()

    async def leaves() -> None:
        for work in (lambda: gate.wait(60), lambda: True):
            workers.run(work).add_done_callback(print)

    asyncio.run(leaves())
    workers.close()
    gate.set()
    asyncio.run(until(lambda: not ours(before)))


def test_an_outcome_for_a_loop_that_has_ended_is_dropped() -> None:
    workers, gate, began = Workers("worker"), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        gate.wait(60)

    async def gives_up() -> None:
        _ = workers.run(work)
        await until(began.is_set)

    asyncio.run(gives_up())
    gate.set()
    assert asyncio.run(_ask(workers)) == 7, "by the same thread"
    workers.close()


async def _ask(workers: Workers) -> int:
    return await workers.run(lambda: 7)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal masks")
async def test_the_threads_take_no_signals(workers: Workers) -> None:
    def blocked() -> set[int]:
        return set(signal.pthread_sigmask(signal.SIG_BLOCK, ())) if sys.platform != "win32" else set()

    assert {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD} <= await workers.run(blocked)
    assert await workers.run(lambda: threading.current_thread().daemon)
