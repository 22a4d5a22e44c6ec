"""Rounds on a machine that stops: the process suspended, the loop held up longer than anybody may wait."""

from __future__ import annotations

import asyncio

import pytest

from sentinel_server.access.rounds import Count, RoundLimits, Rounds
from sentinel_server.errors import StoreUnavailable
from tests.fakes.waiting import settle

LIMITS = RoundLimits(budget=0.08, gather=0.02)


class _Held:
    """Work that hangs until `free`, and counts how often it was begun."""

    def __init__(self) -> None:
        self.free = False
        self.begun = 0

    async def __call__(self, count: Count) -> int:
        self.begun += 1
        if not self.free:
            await asyncio.Event().wait()
        return self.begun


def _stopped(seconds: float) -> None:
    """Nothing else of this process runs for so long, as between SIGSTOP and SIGCONT."""
    now = asyncio.get_running_loop().time
    until = now() + seconds
    while now() < until:
        pass


async def test_who_asks_after_the_process_was_suspended_is_answered() -> None:
    work = _Held()
    rounds = Rounds(work, LIMITS)
    hung = rounds.ask()
    await settle()
    gathering = rounds.ask()  # its round is to begin in 20 ms, and its time is up in 80
    _stopped(0.1)
    for waiter in (hung, gathering):
        with pytest.raises(StoreUnavailable):
            await waiter
    assert work.begun == 1, "nothing is read for those who have gone"
    work.free = True
    async with asyncio.timeout(5):
        assert await rounds.ask() == 2
    await rounds.close()


class _Stubborn(_Held):
    """Work that takes its time to stop when it is cancelled."""

    async def __call__(self, count: Count) -> int:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.2)
        return 0


async def test_who_joins_a_round_whose_first_waiters_gave_up_has_a_deadline_too() -> None:
    rounds = Rounds(_Stubborn(), RoundLimits(budget=0.05, gather=0.0, overlap=1))
    first, second = rounds.ask(), rounds.ask()
    for waiter in (first, second):
        with pytest.raises(StoreUnavailable):
            await waiter
    third = rounds.ask()
    with pytest.raises(StoreUnavailable):
        await third
    fourth = rounds.ask()
    async with asyncio.timeout(5):
        with pytest.raises(StoreUnavailable):
            await fourth
    await rounds.close()
