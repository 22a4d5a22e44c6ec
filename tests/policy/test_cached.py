"""The cache of policies: how old one may be, and who waits for whom."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import IdentityUnavailable, InvalidPolicy, PolicyUnavailable
from sentinel_server.policy.cached import Cached
from sentinel_server.policy.schema import LoadedPolicy, Origin, Policy
from tests.fakes.clock import FakeClock

MAX_AGE = timedelta(seconds=30)


class HeldSource:
    """Numbers its loads; holds them back while `open_` is not set, and raises `fails`."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.begun = asyncio.Semaphore(0)
        self.open_ = asyncio.Event()
        self.open_.set()
        self.fails: Exception | None = None
        self.not_after: datetime | None = None

    async def load(self, profile: str) -> LoadedPolicy:
        """A policy whose version is the number of loads so far."""
        self.loads.append(profile)
        self.begun.release()
        version = str(len(self.loads))
        await self.open_.wait()
        if self.fails is not None:
            raise self.fails
        return LoadedPolicy(
            policy=Policy(rules=()),
            name=profile,
            sha256="",
            origin=Origin.FILE,
            version=version,
            not_after=self.not_after,
        )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def inner() -> HeldSource:
    return HeldSource()


@pytest.fixture
def cached(inner: HeldSource, clock: FakeClock) -> Cached[LoadedPolicy]:
    return Cached(inner, clock, max_age=MAX_AGE)


async def test_a_policy_is_served_again_until_it_is_too_old(
    cached: Cached[LoadedPolicy], clock: FakeClock
) -> None:
    first = await cached.load("prod")
    clock.pass_(MAX_AGE - timedelta(milliseconds=1))
    assert await cached.load("prod") is first
    clock.pass_(timedelta(milliseconds=1))
    assert (await cached.load("prod")).version == "2"


@given(
    passes=st.lists(st.integers(0, 40), max_size=8),
    not_after=st.none() | st.integers(1, 90),
    closed=st.booleans(),
)
async def test_what_is_at_hand_is_what_a_load_gives_without_asking(
    passes: list[int], not_after: int | None, closed: bool
) -> None:
    clock, inner = FakeClock(), HeldSource()
    inner.not_after = None if not_after is None else clock.now() + timedelta(seconds=not_after)
    cached = Cached(inner, clock, max_age=MAX_AGE)
    assert cached.at_hand("prod") is None
    for seconds in passes:
        loaded = await cached.load("prod")
        clock.pass_(timedelta(seconds=seconds))
        before, found = len(inner.loads), cached.at_hand("prod")
        again = await cached.load("prod")
        assert found is (again if len(inner.loads) == before else None)
        assert found in (loaded, None)
    if closed:
        await cached.close()
        assert cached.at_hand("prod") is None


async def test_what_is_at_hand_was_asked_for_and_stays_when_room_is_made(
    inner: HeldSource, clock: FakeClock
) -> None:
    cached = Cached(inner, clock, max_age=MAX_AGE, capacity=2)
    for name in ("a", "b"):
        await cached.load(name)
    assert cached.at_hand("a") is not None
    await cached.load("c")
    assert [cached.at_hand(name) is not None for name in "abc"] == [True, False, True]


async def test_b26_policies_that_were_read_together_are_not_read_again_together(
    inner: HeldSource, clock: FakeClock
) -> None:
    chances = iter([0.0, 1.0])
    cached = Cached(inner, clock, max_age=MAX_AGE, chance=lambda: next(chances))
    await cached.load("prod")
    await cached.load("dev")
    clock.pass_(MAX_AGE * 0.9)
    chances = iter([0.0])
    assert (await cached.load("prod")).version == "1"
    assert (await cached.load("dev")).version == "3"


async def test_age_counts_from_when_the_load_began(
    cached: Cached[LoadedPolicy], inner: HeldSource, clock: FakeClock
) -> None:
    inner.open_.clear()
    flight = asyncio.create_task(cached.load("prod"))
    await inner.begun.acquire()
    clock.pass_(timedelta(seconds=20))
    inner.open_.set()
    await flight
    clock.pass_(timedelta(seconds=10))
    assert (await cached.load("prod")).version == "2"


async def test_all_who_ask_at_once_share_one_load(cached: Cached[LoadedPolicy], inner: HeldSource) -> None:
    found = await asyncio.gather(*(cached.load("prod") for _ in range(50)))
    assert inner.loads == ["prod"]
    assert len({id(loaded) for loaded in found}) == 1


async def test_a_slow_profile_holds_up_no_other(cached: Cached[LoadedPolicy], inner: HeldSource) -> None:
    inner.open_.clear()
    slow = asyncio.create_task(cached.load("slow"))
    await inner.begun.acquire()
    quick = asyncio.create_task(cached.load("quick"))
    await inner.begun.acquire()
    assert inner.loads == ["slow", "quick"]
    inner.open_.set()
    await asyncio.gather(slow, quick)


async def test_one_who_gives_up_does_not_take_the_others_load_away(
    cached: Cached[LoadedPolicy], inner: HeldSource
) -> None:
    inner.open_.clear()
    first, second = (asyncio.create_task(cached.load("prod")) for _ in range(2))
    await inner.begun.acquire()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    inner.open_.set()
    assert (await second).version == "1"


async def test_a_failure_reaches_all_who_wait_and_is_forgotten(
    cached: Cached[LoadedPolicy], inner: HeldSource
) -> None:
    inner.fails = PolicyUnavailable("no policy")
    results = await asyncio.gather(cached.load("prod"), cached.load("prod"), return_exceptions=True)
    assert [type(result) for result in results] == [PolicyUnavailable] * 2
    inner.fails = None
    assert (await cached.load("prod")).version == "2"


async def test_nothing_older_is_served_when_a_load_fails(
    cached: Cached[LoadedPolicy], inner: HeldSource, clock: FakeClock
) -> None:
    await cached.load("prod")
    clock.pass_(MAX_AGE)
    inner.fails = OSError("disk")
    with pytest.raises(PolicyUnavailable, match="the policy of prod could not be read: OSError"):
        await cached.load("prod")
    with pytest.raises(PolicyUnavailable):
        await cached.load("prod")


async def test_a_load_that_takes_too_long_is_given_up(inner: HeldSource, clock: FakeClock) -> None:
    inner.open_.clear()
    cached = Cached(inner, clock, max_age=MAX_AGE, timeout=timedelta(milliseconds=20))
    with pytest.raises(PolicyUnavailable, match=r"did not arrive within 0\.02 s"):
        await cached.load("prod")


async def test_an_invalid_policy_is_an_unavailable_one_at_a_door(
    cached: Cached[LoadedPolicy], inner: HeldSource
) -> None:
    inner.fails = InvalidPolicy("p:1:1: wrong")
    with pytest.raises(PolicyUnavailable, match="p:1:1: wrong") as caught:
        await cached.load("prod")
    assert caught.value.__cause__ is inner.fails


async def test_errors_of_ours_stay_what_they_are(cached: Cached[LoadedPolicy], inner: HeldSource) -> None:
    inner.fails = IdentityUnavailable("no credentials")
    with pytest.raises(IdentityUnavailable):
        await cached.load("prod")


async def test_who_asks_as_a_load_fails_gets_a_load_of_their_own(clock: FakeClock) -> None:
    class FailsOnce(HeldSource):
        again: asyncio.Task[LoadedPolicy]

        async def load(self, profile: str) -> LoadedPolicy:
            if self.loads:
                return await super().load(profile)
            self.loads.append(profile)
            self.again = asyncio.create_task(policies.load(profile))
            raise PolicyUnavailable("no policy")

    source = FailsOnce()
    policies = Cached(source, clock, max_age=MAX_AGE)
    with pytest.raises(PolicyUnavailable):
        await policies.load("prod")
    assert (await source.again).version == "2"


async def test_a_load_that_is_stopped_with_the_program_gives_nothing(
    cached: Cached[LoadedPolicy], inner: HeldSource
) -> None:
    inner.open_.clear()
    asked = asyncio.create_task(cached.load("prod"))
    await inner.begun.acquire()
    for task in asyncio.all_tasks():
        if task.get_name() == "policy of prod":
            task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    inner.open_.set()
    assert (await cached.load("prod")).version == "2"


async def test_the_profile_asked_for_longest_ago_makes_room(inner: HeldSource, clock: FakeClock) -> None:
    cached = Cached(inner, clock, max_age=MAX_AGE, capacity=2)
    for profile in ("a", "b", "a", "c", "a", "b"):
        await cached.load(profile)
    assert inner.loads == ["a", "b", "c", "b"]


@pytest.mark.parametrize("timeout", [timedelta(0), MAX_AGE + timedelta(seconds=1)])
def test_a_load_may_not_outlast_its_own_age(inner: HeldSource, clock: FakeClock, timeout: timedelta) -> None:
    with pytest.raises(ValueError, match="0 < timeout <= max_age"):
        Cached(inner, clock, max_age=MAX_AGE, timeout=timeout)


async def test_a_policy_is_not_served_past_the_end_of_its_signature(
    cached: Cached[LoadedPolicy], inner: HeldSource, clock: FakeClock
) -> None:
    inner.not_after = clock.now() + timedelta(seconds=10)
    await cached.load("prod")
    clock.pass_(timedelta(seconds=9))
    assert (await cached.load("prod")).version == "1"
    clock.pass_(timedelta(seconds=1))
    inner.fails = PolicyUnavailable("it expired")
    with pytest.raises(PolicyUnavailable, match="it expired"):
        await cached.load("prod")


async def test_closing_ends_the_loads_that_run_and_serves_nothing_more(
    cached: Cached[LoadedPolicy], inner: HeldSource
) -> None:
    await cached.load("dev")
    inner.open_.clear()
    asked = asyncio.create_task(cached.load("prod"))
    await inner.begun.acquire()
    await inner.begun.acquire()
    await cached.close()
    with pytest.raises(asyncio.CancelledError):
        await asked
    for name in ("dev", "prod"):
        with pytest.raises(PolicyUnavailable, match="while stopping"):
            await cached.load(name)
