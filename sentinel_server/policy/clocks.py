"""Whether windows are open at one instant, with each zone's clock read once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

from sentinel_server.policy.compiled import Matcher
from sentinel_server.policy.match import inside, wall_clock
from sentinel_server.policy.schema import Effect
from sentinel_server.policy.zones import find_zone

Closed = Literal["time", "zone"]
"""Why a window is not open; `zone` is a zone that cannot be resolved."""


class Clocks:
    """The clocks of the world at one instant."""

    __slots__ = ("_now", "_shown")

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._shown: dict[str, tuple[int, int] | None] = {}

    def shown(self, timezone: str) -> tuple[int, int] | None:
        """Weekday and minute there, None for an unknown zone."""
        if timezone not in self._shown:
            self._shown[timezone] = wall_clock(self._now, timezone)
        return self._shown[timezone]

    def day(self, timezone: str) -> date:
        """The date there; in a zone that cannot be resolved, that of UTC."""
        return self._now.astimezone(find_zone(timezone) or UTC).date()

    def closed(self, matcher: Matcher) -> Closed | None:
        """Why the rule's window is not open, None when it is or there is none.

        A window in a zone that cannot be resolved is open for a rule that denies.
        """
        window = matcher.time
        if window is None:
            return None
        clock = self.shown(window.timezone)
        if clock is None:
            return None if matcher.rule.effect is Effect.DENY else "zone"
        opens, closes = matcher.span
        if (opens is not None and self._now < opens) or (closes is not None and self._now >= closes):
            return "time"
        return None if inside(window, *clock) else "time"
