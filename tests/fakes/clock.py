"""Time that moves only when a test moves it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
"""Where a fake clock starts unless told otherwise: a Saturday."""


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still; `pass_` moves both of its hands."""

    time: datetime = NOON
    seconds: float = 1000.0
    skewed: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The instant a test has put here."""
        return self.time

    def monotonic(self) -> float:
        """Seconds that only `pass_` adds to."""
        return self.seconds

    def skew(self) -> timedelta:
        """The skew a test has put here."""
        return self.skewed

    def pass_(self, much: timedelta) -> None:
        """Let time go by."""
        self.time += much
        self.seconds += much.total_seconds()

    def observe(self, aws_time: datetime) -> None:
        """Take note of AWS's time, as the system's clock does."""
        self.skewed = aws_time - self.time
