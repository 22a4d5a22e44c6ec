"""How old a policy may be, on a machine that slept: its monotonic clock stood still meanwhile."""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.policy.cached import Cached
from tests.fakes.clock import FakeClock
from tests.fakes.gate import DENY, FakePolicies, loaded


async def test_a_policy_from_before_a_sleep_is_read_again() -> None:
    clock, inner = FakeClock(), FakePolicies()
    cache = Cached(inner, clock, max_age=timedelta(seconds=30))
    await cache.load("prod")
    inner.policy = loaded(DENY)
    clock.time += timedelta(hours=8)
    assert await cache.load("prod") is inner.policy


async def test_a_clock_that_is_put_back_keeps_no_policy_for_longer() -> None:
    clock, inner = FakeClock(), FakePolicies()
    cache = Cached(inner, clock, max_age=timedelta(seconds=30))
    await cache.load("prod")
    clock.time -= timedelta(hours=8)
    clock.seconds += 31
    await cache.load("prod")
    assert inner.loads == 2
