from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.credentials.cache import Fingerprint, MintCache, Minted
from sentinel_server.errors import TooLate, UpstreamFailed
from tests.fakes.clock import FakeClock
from tests.fakes.credentials import a_session

QUARTER = timedelta(minutes=15)
ONE: Fingerprint = ("prod", "rule-1", None)
OTHER: Fingerprint = ("prod", "rule-1", "request-7")


class Sts:
    """Mints numbered credentials; while `gate` is closed, mints wait."""

    def __init__(self, clock: FakeClock, lasting: timedelta = QUARTER) -> None:
        self._clock = clock
        self._lasting = lasting
        self.begun = 0
        self.starts = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: Exception | None = None

    def make(self, fingerprint: Fingerprint) -> Callable[[], Awaitable[Minted]]:
        async def ask() -> Minted:
            self.begun += 1
            self.starts.release()
            issue_id = f"{self.begun:016x}"
            await self.gate.wait()
            if self.fails is not None:
                raise self.fails
            session = a_session(self._clock, lasting=self._lasting)
            assert session.expires_at is not None
            return Minted(
                credentials=session,
                issue_id=issue_id,
                minted_at=self._clock.now(),
                life_end=session.expires_at,
                fingerprint=fingerprint,
            )

        return ask


async def test_what_was_minted_is_served_while_a_minute_is_left() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    assert cache.get(ONE) is None
    minted = await cache.mint(ONE, sts.make(ONE))
    clock.pass_(timedelta(minutes=13, seconds=59))
    assert cache.get(ONE) == minted
    clock.pass_(timedelta(seconds=1))
    assert cache.get(ONE) is None


async def test_nothing_is_served_under_another_fingerprint() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    await cache.mint(ONE, sts.make(ONE))
    assert cache.get(OTHER) is None


@pytest.mark.parametrize(("minutes", "due"), [(0, False), (2.49, False), (2.5, True), (14, True)])
async def test_fifteen_minutes_are_renewed_when_twelve_and_a_half_are_left(minutes: float, due: bool) -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    minted = await cache.mint(ONE, sts.make(ONE))
    clock.pass_(timedelta(minutes=minutes))
    assert cache.due(minted) is due


async def test_those_who_ask_together_share_one_mint() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    given_to = await asyncio.gather(*(cache.mint(ONE, sts.make(ONE)) for _ in range(20)))
    assert sts.begun == 1
    assert len({id(minted) for minted in given_to}) == 1


async def test_two_fingerprints_do_not_share_a_mint() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    one, other = await asyncio.gather(cache.mint(ONE, sts.make(ONE)), cache.mint(OTHER, sts.make(OTHER)))
    assert (one.fingerprint, other.fingerprint) == (ONE, OTHER)
    assert sts.begun == 2


async def test_a_waiter_that_leaves_takes_nobody_along() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    sts.gate.clear()
    leaver = asyncio.create_task(cache.mint(ONE, sts.make(ONE)))
    stayer = asyncio.create_task(cache.mint(ONE, sts.make(ONE)))
    await sts.starts.acquire()
    leaver.cancel()
    sts.gate.set()
    assert await stayer == cache.get(ONE)
    assert (await asyncio.gather(leaver, return_exceptions=True))[0].__class__ is asyncio.CancelledError


async def test_a_mint_nobody_waits_for_is_kept() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    sts.gate.clear()
    leaver = asyncio.create_task(cache.mint(ONE, sts.make(ONE)))
    await sts.starts.acquire()
    leaver.cancel()
    sts.gate.set()
    assert await cache.mint(ONE, sts.make(ONE)) == cache.get(ONE)
    assert sts.begun == 1


async def test_a_mint_begun_before_an_invalidation_is_thrown_away() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    sts.gate.clear()
    early = asyncio.create_task(cache.mint(ONE, sts.make(ONE)))
    await sts.starts.acquire()
    cache.invalidate()
    late = asyncio.create_task(cache.mint(ONE, sts.make(ONE)))
    await sts.starts.acquire()
    sts.gate.set()
    with pytest.raises(TooLate, match="changed"):
        await early
    assert (await late).issue_id == f"{2:016x}"
    assert cache.get(ONE) == await late


async def test_a_mint_that_fails_after_an_invalidation_holds_up_no_renewal() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    sts.gate.clear()
    early = asyncio.create_task(cache.mint(ONE, sts.make(ONE)))
    await sts.starts.acquire()
    cache.invalidate()
    sts.fails = UpstreamFailed("STS is slow")
    sts.gate.set()
    with pytest.raises(UpstreamFailed):
        await early
    sts.fails = None
    minted = await cache.mint(ONE, sts.make(ONE))
    clock.pass_(timedelta(minutes=3))
    assert cache.due(minted)


async def test_an_invalidation_forgets_what_was_kept() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    await cache.mint(ONE, sts.make(ONE))
    before = cache.generation
    cache.invalidate()
    assert cache.get(ONE) is None
    assert cache.generation == before + 1


async def test_a_renewal_in_the_background_replaces_and_a_failed_one_leaves_what_was_kept() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    first = await cache.mint(ONE, sts.make(ONE))
    clock.pass_(timedelta(minutes=3))
    sts.fails = UpstreamFailed("STS is slow")
    cache.renew(ONE, sts.make(ONE))
    with pytest.raises(UpstreamFailed):
        await cache.mint(ONE, sts.make(ONE))
    assert sts.begun == 2
    assert cache.get(ONE) == first
    assert not cache.due(first)
    clock.pass_(timedelta(seconds=6))
    assert cache.due(first)
    sts.fails = None
    cache.renew(ONE, sts.make(ONE))
    assert cache.get(ONE) == first
    assert (await cache.mint(ONE, sts.make(ONE))).issue_id == f"{3:016x}"
    kept = cache.get(ONE)
    assert kept is not None
    assert kept.issue_id == f"{3:016x}"


async def test_closing_waits_for_what_is_under_way_and_keeps_nothing() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    sts.gate.clear()
    cache.renew(ONE, sts.make(ONE))
    await sts.starts.acquire()
    closing = asyncio.create_task(cache.close())
    await asyncio.sleep(0)
    assert not closing.done()
    sts.gate.set()
    await closing
    assert cache.get(ONE) is None


async def test_a_mint_for_another_fingerprint_than_asked_is_a_bug_that_shows() -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    with pytest.raises(ValueError, match="another fingerprint"):
        await cache.mint(ONE, sts.make(OTHER))
    assert cache.get(ONE) is None
    assert cache.get(OTHER) is None


Step = tuple[str, Fingerprint]
STEPS = st.lists(
    st.tuples(st.sampled_from(["mint", "invalidate", "arrive", "wait"]), st.sampled_from([ONE, OTHER])),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_only_the_asked_fingerprint_of_this_generation_is_ever_served(
    steps: list[Step],
) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[Step]) -> None:
    clock = FakeClock()
    cache, sts = MintCache(clock), Sts(clock)
    born: dict[str, int] = {}

    def make(fingerprint: Fingerprint) -> Callable[[], Awaitable[Minted]]:
        generation, ask = cache.generation, sts.make(fingerprint)

        async def noted() -> Minted:
            minted = await ask()
            born[minted.issue_id] = generation
            return minted

        return noted

    def mint(fingerprint: Fingerprint) -> None:
        sts.gate.clear()
        cache.renew(fingerprint, make(fingerprint))

    acts: dict[str, Callable[[Fingerprint], None]] = {
        "mint": mint,
        "invalidate": lambda _: cache.invalidate(),
        "arrive": lambda _: sts.gate.set(),
        "wait": lambda _: clock.pass_(timedelta(minutes=1)),
    }
    for step, fingerprint in steps:
        acts[step](fingerprint)
        for _ in range(4):
            await asyncio.sleep(0)
        for asked in (ONE, OTHER):
            _check(cache.get(asked), asked, born, cache.generation, clock)
    sts.gate.set()
    await cache.close()


def _check(
    served: Minted | None, asked: Fingerprint, born: dict[str, int], generation: int, clock: FakeClock
) -> None:
    if served is not None:
        assert served.fingerprint == asked
        assert born[served.issue_id] == generation
        assert clock.now() < served.life_end - timedelta(seconds=60)
