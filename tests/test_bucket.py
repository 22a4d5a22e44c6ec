"""A token bucket: so many tokens at once, and then so many a second."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.bucket import Bucket


@given(st.integers(1, 20), st.floats(0.1, 10), st.lists(st.floats(0, 3), max_size=60), st.floats(0, 1e6))
def test_there_are_so_many_at_once_and_so_many_a_second(
    at_once: int, rate: float, pauses: list[float], start: float
) -> None:
    bucket, now, given = Bucket(rate, burst=at_once / rate), start, 0
    for pause in pauses:
        now += pause
        given += bucket.take_one_there(now)
        assert given <= at_once + (now - start + 0.001) * rate + 1e-6
    assert given >= min(at_once, len(pauses))
    now += at_once / rate + 1
    assert [bucket.take_one_there(now) for _ in range(at_once)] == [True] * at_once
    assert bucket.wait(now) > 0.9 / rate
    assert not bucket.take_one_there(now)


def test_a_token_that_is_not_there_is_not_used() -> None:
    bucket = Bucket(1.0, burst=1.0)
    assert bucket.take_one_there(5.0)
    for _ in range(9):
        assert not bucket.take_one_there(5.5)
    assert bucket.take_one_there(6.0)
