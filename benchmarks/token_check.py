"""`token`: whether the time of a refusal tells how much of the token was right.

A token whose first byte is wrong is checked in turn with one of which only the last byte is, in blocks, many
times; what counts is the median of the differences of neighbours, which neither load nor a slow core shifts.
A comparer with a leak of 50 ns stands beside ours, so that a measurement which sees nothing can be told from
one which cannot see.
"""

from __future__ import annotations

import hmac
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.report import Row, row
from sentinel_server.secret import Secret
from sentinel_server.web.auth import Guard, fresh_token

LEAK = 50.0
"""Nanoseconds that must not go unseen."""
_SEEN = LEAK / 2
_DOUBT = 4.0
"""Standard deviations of the sign test: chance shows that much once in 16,000 times."""
_PAIRS = 600
_CALLS = 40
"""In one block: long enough for the clock, short enough to be left alone most of the time."""

Check = Callable[[bytes], object]
"""Takes what claims to be the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """By how much one takes longer than the other: the median in nanoseconds, and how often it was longer,
    in standard deviations from half of the time.
    """

    nanoseconds: float
    deviations: float

    @property
    def tells(self) -> bool:
        """Whether there is a leak that an attacker could see."""
        return abs(self.nanoseconds) >= _SEEN and abs(self.deviations) >= _DOUBT


def difference(neighbours: Sequence[float]) -> Difference:
    """What the differences of neighbouring blocks, in nanoseconds per call, come to."""
    longer = sum((each > 0) - (each < 0) for each in neighbours)
    return Difference(
        nanoseconds=statistics.median(neighbours), deviations=longer / max(1, len(neighbours)) ** 0.5
    )


def measured(check: Check, short: bytes, long: bytes) -> Difference:
    """By how much `check` takes longer for `long`."""
    chance = random.Random(0)
    return difference([_neighbours(check, short, long, first=chance.random() < 0.5) for _ in range(_PAIRS)])


def by_majority(check: Check, short: bytes, long: bytes, *, of: int = 5) -> bool:
    """Whether most of up to `of` measurements tell."""
    told, needed = [0, 0], of // 2 + 1
    while max(told) < needed:
        told[measured(check, short, long).tells] += 1
    return told[True] >= needed


def wrong_tokens(token: Secret) -> tuple[bytes, bytes]:
    """Two that are refused: with the first byte wrong, and with the last."""
    right = token.reveal().encode()
    return b"!" + right[1:], right[:-1] + b"!"


def ours(token: Secret) -> Check:
    """The check that the loopback server makes."""
    guard = Guard(token, listen="127.0.0.1", port=4242)
    return lambda given: guard.unproven([(b"Host", b"127.0.0.1"), (b"Authorization", given)])


def leaky(token: Secret) -> Check:
    """A check that takes some 50 ns longer once the first byte is right."""
    right, extra = token.reveal().encode(), _lasting(LEAK)

    def check(given: bytes) -> bool:
        for _ in extra if given[0] == right[0] else ():
            pass
        return hmac.compare_digest(given, right)

    return check


def by_bytes(token: Secret) -> Check:
    """A check that stops at the first wrong byte."""
    right = token.reveal().encode()
    return lambda given: all(one == other for one, other in zip(given, right, strict=False))


def run(rounds: int) -> list[Row]:
    """Measure all three, one after the other, every round."""
    token = fresh_token()
    checks = {"ours": ours(token), "one that leaks 50 ns": leaky(token), "byte by byte": by_bytes(token)}
    taken: dict[str, list[float]] = {name: [] for name in checks}
    for _ in range(rounds):
        for name, check in checks.items():
            taken[name].append(abs(measured(check, *wrong_tokens(token)).nanoseconds))
    return [
        row(f"{name}: last byte wrong, above first", each, "ns", **_target(name))
        for name, each in taken.items()
    ]


def _target(name: str) -> dict[str, float]:
    return {"most": _SEEN} if name == "ours" else {"least": _SEEN}


def _neighbours(check: Check, short: bytes, long: bytes, *, first: bool) -> float:
    if first:
        one = _each(check, short)
        return _each(check, long) - one
    other = _each(check, long)
    return other - _each(check, short)


def _each(check: Check, given: bytes) -> float:
    began = time.perf_counter_ns()
    for _ in range(_CALLS):
        check(given)
    return (time.perf_counter_ns() - began) / _CALLS


def _lasting(nanoseconds: float) -> tuple[None, ...]:
    """What takes so long, or a little longer, to walk through than nothing does."""
    size = 1
    while _walk((None,) * size) - _walk(()) < nanoseconds:
        size += 1
    return (None,) * size


def _walk(extra: tuple[None, ...]) -> float:
    """Nanoseconds, of the fastest of many."""
    fastest = float("inf")
    for _ in range(200):
        began = time.perf_counter_ns()
        for _ in range(_CALLS):
            for _ in extra:
                pass
        fastest = min(fastest, (time.perf_counter_ns() - began) / _CALLS)
    return fastest
