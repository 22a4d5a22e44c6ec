"""Turns: a burst, a steady rate, a short wait, and then a refusal."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.web.rate_limit import BURST, PATIENCE, RateLimit
from tests.fakes.clock import FakeClock
from tests.fakes.raw_http import ask, connected
from tests.fakes.sites import Open


def turns_at_once(limit: RateLimit, connections: int, asks: int) -> int:
    """How many of `asks` on each connection get a turn without waiting."""
    buckets = [limit.bucket() for _ in range(connections)]
    waits = [limit.turn(bucket) for bucket in buckets for _ in range(asks)]
    return sum(wait is not None and wait < 0.001 for wait in waits)


def test_a_connection_has_a_burst_of_two_seconds() -> None:
    assert turns_at_once(RateLimit(100, FakeClock()), connections=1, asks=300) == 200


def test_all_connections_together_have_five_times_that() -> None:
    assert turns_at_once(RateLimit(100, FakeClock()), connections=20, asks=200) == 1000


def test_new_connections_do_not_escape_the_limit() -> None:
    assert turns_at_once(RateLimit(100, FakeClock()), connections=2000, asks=1) == 1000


def test_zero_sets_no_limit() -> None:
    assert turns_at_once(RateLimit(0, FakeClock()), connections=1, asks=10_000) == 10_000


def test_after_the_burst_turns_come_at_the_rate_and_the_wait_is_bounded() -> None:
    clock = FakeClock()
    limit = RateLimit(100, clock)
    bucket = limit.bucket()
    waits = [limit.turn(bucket) for _ in range(300)]
    given_turns = [wait for wait in waits if wait is not None]
    assert len(given_turns) == pytest.approx((BURST + PATIENCE) * 100, abs=1)
    assert given_turns[-1] == pytest.approx(PATIENCE, abs=0.011)
    clock.seconds += 0.0101
    assert limit.turn(bucket) == pytest.approx(PATIENCE, abs=0.011)
    assert limit.turn(bucket) is None


def test_a_refusal_uses_nothing_up() -> None:
    clock = FakeClock()
    limit = RateLimit(10, clock)
    bucket = limit.bucket()
    while limit.turn(bucket) is not None:
        pass
    for _ in range(1000):
        assert limit.turn(bucket) is None
    clock.seconds += BURST + PATIENCE + 0.001
    assert limit.turn(bucket) == 0.0


@settings(deadline=None)
@given(
    rate=st.integers(1, 200),
    pauses=st.lists(st.floats(0, 1), max_size=200),
    connections=st.integers(1, 8),
)
def test_no_schedule_gets_more_than_the_rate_and_the_burst(
    rate: int, pauses: list[float], connections: int
) -> None:
    clock = FakeClock()
    limit = RateLimit(rate, clock)
    buckets = [limit.bucket() for _ in range(connections)]
    granted = [0] * connections
    for turn, pause in enumerate(pauses):
        clock.seconds += pause
        granted[turn % connections] += limit.turn(buckets[turn % connections]) is not None
    allowed = (sum(pauses) + BURST + PATIENCE) * rate + 1
    assert max(granted) <= allowed
    assert sum(granted) <= allowed * 5


async def test_a_fetch_beyond_the_limit_is_a_500_without_retry_after(open_site: Open) -> None:
    site = await open_site(rate_limit=1)
    async with connected(site.port) as client:
        client.send(site.request() * 3)
        answers = [await client.answer() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 500]
    assert answers[2].json()["code"] == "RateLimited"
    assert answers[2].json()["message"] == "too many fetches at once; slow down, or raise rate_limit"
    assert "retry-after" not in answers[2].header.lower()
    assert (site.door.asked, site.witness.limited) == (2, 1)


async def test_a_short_wait_is_not_noticed(open_site: Open) -> None:
    site = await open_site(rate_limit=20)
    async with connected(site.port) as client:
        client.send(site.request() * 43)
        began = asyncio.get_running_loop().time()
        assert {(await client.answer()).status for _ in range(43)} == {200}
        assert asyncio.get_running_loop().time() - began > 0.05
    assert site.witness.limited == 0


async def test_wrong_tokens_do_not_use_up_the_childs_turns(open_site: Open) -> None:
    site = await open_site(rate_limit=1)
    for _ in range(20):
        assert (await ask(site.port, site.request(Authorization="wrong"))).status == 403
    assert (await ask(site.port, site.request())).status == 200
