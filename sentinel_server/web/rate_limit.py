"""Turns for fetches: so many a second for one connection, so many for all, after a burst.

A fetch without a token waits its turn for up to `PATIENCE`, or is refused. Buckets live in their connections,
so nothing piles up.
"""

from __future__ import annotations

from sentinel_server.bucket import Bucket
from sentinel_server.clock import Clock

BURST = 2.0
"""Seconds of the rate that may be used at once."""
PATIENCE = 0.2
"""Seconds a fetch may wait for its turn."""
_TOGETHER = 5
"""All connections together may do as much as this many at their limit."""


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
        return Bucket(rate, burst=BURST) if rate > 0 else None
