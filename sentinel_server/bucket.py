"""A token bucket, kept as one number: the instant at which it would be full again."""

from __future__ import annotations


class Bucket:
    """Tokens that come back at `rate` a second, never more than `burst` seconds of them. Times are seconds of
    a clock that is never set back."""

    __slots__ = ("_burst", "_full_at", "_interval")

    def __init__(self, rate: float, *, burst: float) -> None:
        self._interval = 1.0 / rate
        self._burst = burst
        self._full_at = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds from `now` until the next token is there."""
        return max(0.0, self._after_one(now) - now - self._burst)

    def take(self, now: float) -> None:
        """Use the next token, even one that is yet to come."""
        self._full_at = self._after_one(now)

    def take_one_there(self, now: float) -> bool:
        """Use a token if one is there at `now`, within a millisecond; whether there was."""
        there = self.wait(now) < 0.001
        if there:
            self.take(now)
        return there

    def _after_one(self, now: float) -> float:
        return max(self._full_at, now) + self._interval
