"""Turns for fetches: so many a second for one connection, so many for all, after a burst.

A token bucket kept as one number, the instant at which it would be full again. A fetch without a token waits
its turn for up to `PATIENCE`, or is refused. Buckets live in their connections, so nothing piles up.
"""

from __future__ import annotations

from sentinel_server.clock import Clock

BURST = 2.0
"""Seconds of the rate that may be used at once."""
PATIENCE = 0.2
"""Seconds a fetch may wait for its turn."""
_TOGETHER = 5
"""All connections together may do as much as this many at their limit."""


class Bucket:
    """Tokens that come back at `rate` a second, never more than `BURST` seconds of them."""

    __slots__ = ("_full_at", "_interval")

    def __init__(self, rate: float) -> None:
        self._interval = 1.0 / rate
        self._full_at = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds from `now` until the next token is there."""
        return max(0.0, self._after_one(now) - now - BURST)

    def take(self, now: float) -> None:
        """Use the next token, even one that is yet to come."""
        self._full_at = self._after_one(now)

    def _after_one(self, now: float) -> float:
        return max(self._full_at, now) + self._interval


class RateLimit:
    """Gives turns. `rate` is per second and connection; 0 means that everybody may always."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._together = self._bucket(rate * _TOGETHER)

    def bucket(self) -> Bucket | None:
        """A full bucket for a new connection."""
        return self._bucket(self._rate)

    def turn(self, own: Bucket | None) -> float | None:
        """Seconds to wait before going on; None when that is too long, and then nothing was used up."""
        together = self._together
        if together is None:
            return 0.0
        now = self._clock.monotonic()
        wait = together.wait(now) if own is None else max(own.wait(now), together.wait(now))
        if wait > PATIENCE:
            return None
        together.take(now)
        if own is not None:
            own.take(now)
        return wait

    @staticmethod
    def _bucket(rate: float) -> Bucket | None:
        return Bucket(rate) if rate > 0 else None
