"""How often the glass may be broken, as values. The first rule whose profiles fit decides."""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.frozen import frozen

LONGEST_WINDOW = timedelta(days=90)
"""The longest cooldown or window."""


@frozen
class RateLimitRule:
    """Limits for some profiles; empty `profiles` mean any, `None` sets no limit.

    `max_per_user`, `max_per_profile` and `escalation_threshold` count within `quota_window`, which is there
    when one of them is. `cooldown` is the least time between two emergencies of one person for one profile.
    """

    name: str
    profiles: tuple[str, ...] = ()
    cooldown: timedelta | None = None
    max_per_user: int | None = None
    max_per_profile: int | None = None
    quota_window: timedelta | None = None
    escalation_threshold: int | None = None


@frozen
class RateLimitPolicy:
    """Rate-limit rules in order."""

    rules: tuple[RateLimitRule, ...]
    version: str = "1"
