"""Time and chance, as arguments. Nothing else in the product asks the system for either.

Timestamps that are stored have one fixed-width form, so that they sort as text. Timestamps that AWS SDKs
read have whole seconds and end in `Z`, the only form all of them accept.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

MAX_SKEW = timedelta(minutes=5)
"""How far this machine's clock may be from AWS's before nothing is issued."""

_NOTICEABLE = timedelta(seconds=2)
"""`Date` headers have whole seconds; a smaller difference is noise, not skew."""


_FARTHEST = timedelta(days=3650)
"""A correction that is as good as any larger one: nothing is issued, and there is a calendar still."""


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, in UTC and aware of it."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...

    def skew(self) -> timedelta:
        """What `now()` adds to this machine's own clock; over `MAX_SKEW` nothing may be issued."""
        ...


class Ids(Protocol):
    """Makes identifiers nobody can guess."""

    def fresh(self) -> str:
        """16 lower-case hex digits from the system's entropy; raises OSError when it has none."""
        ...


class SystemClock:
    """This machine's clock, corrected by what AWS's `Date` headers showed."""

    def __init__(self) -> None:
        self._skew = timedelta(0)

    def now(self) -> datetime:
        """The present instant, corrected."""
        return datetime.now(UTC) + self._skew

    def monotonic(self) -> float:
        """Seconds of the event loop's own clock."""
        return time.monotonic()

    def skew(self) -> timedelta:
        """The correction in force."""
        return self._skew

    def observe(self, aws_time: datetime) -> None:
        """Take note of the time in a `Date` header that has just arrived."""
        skew = max(-_FARTHEST, min(_FARTHEST, aws_time - datetime.now(UTC)))
        self._skew = skew if abs(skew) > _NOTICEABLE else timedelta(0)


class SystemIds:
    """Identifiers from the operating system's entropy."""

    def fresh(self) -> str:
        """16 lower-case hex digits, 64 random bits."""
        import secrets  # loads OpenSSL, for which a child need not wait

        return secrets.token_hex(8)


def sortable(instant: datetime) -> str:
    """`2026-01-31T09:05:00.000000Z`: UTC, fixed width, so that text order is time order.

    Raises ValueError for a naive time.
    """
    return _utc(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_sortable(text: str) -> datetime:
    """The instant that `sortable` wrote; raises ValueError for any other text."""
    instant = datetime.fromisoformat(text)
    # Before it is written in UTC: with an offset, the ends of the calendar have no time there.
    if not text.endswith("Z") or sortable(instant) != text:
        raise ValueError(f"not a fixed-width timestamp: {text!r}")
    return instant


def whole_seconds(instant: datetime) -> str:
    """`2026-01-31T09:05:00Z`, floored: what every AWS SDK reads (`spec/sdk.md` §1e)."""
    return _utc(instant).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("a time without a zone means nothing")
    return instant.astimezone(UTC)
