"""Threads that nobody waits for: what hangs in one must not hold up the end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sentinel_server.adapters.local.threads import DaemonThreads, in_daemon, one_thread
from tests.fakes.threads import no_more_threads


def test_a_loop_ends_while_something_hangs_in_a_thread() -> None:
    """As a file that is read from a share whose server has gone."""
    released, began = threading.Event(), threading.Event()

    def hangs() -> bool:
        began.set()
        return released.wait(60)

    async def gives_up() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())
        hanging = loop.run_in_executor(None, hangs)
        assert await loop.run_in_executor(None, began.wait, 60)
        hanging.cancel()
        return "given up"

    assert asyncio.run(gives_up()) == "given up"
    assert not released.is_set()
    released.set()


async def test_what_a_thread_returns_or_raises_comes_back() -> None:
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    assert await asyncio.to_thread(int, "7", base=8) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        await asyncio.to_thread(int, "x")
    assert await in_daemon(lambda: threading.current_thread().daemon)
    with pytest.raises(ValueError, match="invalid literal"):
        await in_daemon(lambda: int("x"))


async def test_calls_do_not_wait_for_each_other() -> None:
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    gates = [threading.Event() for _ in range(40)]
    waiting = [asyncio.create_task(asyncio.to_thread(gate.wait, 60)) for gate in gates]
    for gate in reversed(gates):
        await asyncio.to_thread(gate.set)
    assert all(await asyncio.gather(*waiting))


async def test_what_is_refused_for_want_of_a_thread_is_not_done_later() -> None:
    loop, executor, done = asyncio.get_running_loop(), one_thread("test"), list[int]()
    with no_more_threads(), pytest.raises(RuntimeError, match="thread"):
        await loop.run_in_executor(executor, done.append, 1)
    await loop.run_in_executor(executor, done.append, 2)
    executor.shutdown()
    assert done == [2]
