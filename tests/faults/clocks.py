"""Two clocks: the true one, which AWS goes by, and this machine's, which may be wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sentinel_server.clock import SystemClock

_NOISE = timedelta(seconds=2)
"""What `Date` headers, which have whole seconds, cannot show."""
_UNDER_WAY = timedelta(seconds=3)
"""Older than that, by the truth, is only an answer from before a test let time pass, which no real one is."""


class Truth:
    """The true time, which tests let pass. `jump` is how far the machine's clock is ahead of it."""

    def __init__(self) -> None:
        self._passed = timedelta(0)
        self.jump = timedelta(0)

    def now(self) -> datetime:
        """The true instant."""
        return datetime.now(UTC) + self._passed  # noqa: TID251  # this is a Clock

    def monotonic(self) -> float:
        """Seconds that pass for everybody alike."""
        return time.monotonic() + self._passed.total_seconds()

    def skew(self) -> timedelta:
        """None, for it is the truth."""
        return timedelta(0)

    def pass_(self, much: timedelta) -> None:
        """Let time go by, for AWS and for every machine."""
        self._passed += much


class MachineClock(SystemClock):
    """The machine's clock, corrected by what AWS's `Date` headers showed, as the system's is."""

    def __init__(self, truth: Truth) -> None:
        super().__init__()
        self._truth = truth

    def now(self) -> datetime:
        """The present instant, corrected."""
        return self._machine() + self._skew

    def monotonic(self) -> float:
        """Seconds that no jump touches."""
        return self._truth.monotonic()

    def observe(self, aws_time: datetime) -> None:
        """Take note of the time in a `Date` header that has just arrived."""
        if abs(aws_time - self._truth.now()) > _UNDER_WAY:
            return
        skew = aws_time - self._machine()
        self._skew = skew if abs(skew) > _NOISE else timedelta(0)

    def _machine(self) -> datetime:
        return self._truth.now() + self._truth.jump
