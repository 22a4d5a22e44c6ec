"""The time of a refusal does not tell how much of the token was right, and we would see it if it did."""

from __future__ import annotations

import random

import pytest

from benchmarks.token_check import (
    LEAK,
    by_bytes,
    by_majority,
    difference,
    leaky,
    ours,
    wrong_tokens,
)
from sentinel_server.web.auth import fresh_token


def test_the_check_of_the_token_takes_equally_long_wherever_it_fails() -> None:
    token = fresh_token()
    assert not by_majority(ours(token), *wrong_tokens(token))


def test_a_leak_of_50_nanoseconds_would_be_seen() -> None:
    token = fresh_token()
    assert by_majority(leaky(token), *wrong_tokens(token))


def test_a_check_byte_by_byte_would_be_seen() -> None:
    token = fresh_token()
    assert by_majority(by_bytes(token), *wrong_tokens(token))


def test_all_three_checks_refuse_both_tokens_and_take_the_right_one() -> None:
    token = fresh_token()
    right = token.reveal().encode()
    for each in wrong_tokens(token):
        assert (ours(token)(each), leaky(token)(each), by_bytes(token)(each)) == ("wrong token", False, False)
    assert (ours(token)(right), leaky(token)(right), by_bytes(token)(right)) == ("", True, True)


@pytest.mark.parametrize("seed", range(20))
def test_load_neither_hides_a_leak_nor_makes_one(seed: int) -> None:
    """A third of all blocks is interrupted for up to a millisecond."""
    chance = random.Random(seed)
    noise = [
        chance.gauss(0, 40) + (chance.uniform(-25_000, 25_000) if chance.random() < 1 / 3 else 0)
        for _ in range(600)
    ]
    assert not difference(noise).tells
    assert difference([LEAK + each for each in noise]).tells
    assert difference([-LEAK + each for each in noise]).tells


def test_a_large_difference_that_chance_may_have_made_is_no_leak() -> None:
    assert not difference([1000.0, -900.0, 1100.0]).tells
    assert not difference([0.0] * 600).tells
