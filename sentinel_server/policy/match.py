"""Whether a name, a principal or an instant is one that a condition means.

In a pattern `*` is any run of characters and `?` any one; in an ARN pattern neither crosses `:` or `/`. All
else is exact and case-sensitive. Patterns are compiled once, when first needed; matching takes no more than
length times length.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.schema import WEEK, Moment, TimeWindow
from sentinel_server.policy.zones import find_zone

NAMED_BARE = (Kind.IAM_USER, Kind.SSO_ROLE)
"""The kinds a bare name may mean; any other chooses its own name, so only its ARN will do."""


Test = Callable[[str], object]
"""Whether a name is meant: anything true, or not."""


@frozen
class Users:
    """The entries of a `users` list: the test for bare names, and that for ARNs."""

    bare: Test
    arn: Test

    def mean(self, bare: str | None, arn: str) -> bool:
        """Whether an entry means who has that ARN and, unless None, that bare name."""
        return bool((bare is not None and self.bare(bare)) or self.arn(arn))


def profile_test(entries: tuple[str, ...]) -> Test:
    """What a `profiles` list means."""
    return _test(entries, any_character=".")


def users_test(entries: tuple[str, ...]) -> Users:
    """What a `users` list means."""
    arns = tuple(entry for entry in entries if entry.startswith("arn:"))
    bare = tuple(entry for entry in entries if not entry.startswith("arn:"))
    return Users(bare=_test(bare, any_character="."), arn=_test(arns, any_character="[^:/]"))


class Trusting(Protocol):
    """A document that says whose bare names it means."""

    @property
    def trusted_accounts(self) -> tuple[str, ...]:
        """The accounts of bare names; none for the home account."""
        ...


def bare_name(principal: Principal, policy: Trusting, home_account: str | None) -> str | None:
    """The name by which `users` may mean this principal without its ARN; None when only its ARN will do.

    `home_account` is trusted when the policy names no accounts.
    """
    if principal.kind not in NAMED_BARE:
        return None
    trusted = policy.trusted_accounts or (home_account,)
    return principal.name if principal.account in trusted else None


def wall_clock(now: datetime, timezone: str) -> tuple[int, int] | None:
    """Weekday (Monday 0) and minute of the day that a clock in `timezone` shows; None for an unknown zone."""
    zone = find_zone(timezone)
    if zone is None:
        return None
    local = now.astimezone(zone)
    return local.weekday(), local.hour * 60 + local.minute


def span(window: TimeWindow) -> tuple[datetime | None, datetime | None]:
    """The first instant of the window's dates and the first after them, in UTC; None for no bound.

    A day begins with the first instant that clocks in the zone show it. In a zone that cannot be resolved,
    days are taken for days of UTC; nobody looks at the dates of such a window.
    """
    zone = find_zone(window.timezone) or UTC
    after = window.not_after
    if after is not None and not isinstance(after, datetime):
        after += timedelta(days=1)
    return _first(window.not_before, zone), _first(after, zone)


def _first(moment: Moment | None, zone: tzinfo) -> datetime | None:
    if isinstance(moment, date) and not isinstance(moment, datetime):
        # Midnight as fold 0: where clocks skip it, that is the instant at which they do.
        moment = datetime.combine(moment, time(), tzinfo=zone)
    return None if moment is None else moment.astimezone(UTC)


def inside(window: TimeWindow, weekday: int, minute: int) -> bool:
    """Whether the window is open then. What crosses midnight belongs to the day it starts on."""
    days, hours = window.days, window.hours
    today = not days or WEEK[weekday] in days
    if hours is None:
        return today
    if hours.start < hours.end:
        return today and hours.start <= minute < hours.end
    if minute >= hours.start:
        return today
    return minute < hours.end and (not days or WEEK[weekday - 1] in days)


def _test(entries: tuple[str, ...], any_character: str) -> Test:
    if not any("*" in entry or "?" in entry for entry in entries):
        return frozenset(entries).__contains__
    return _Patterns(entries, any_character)


class _Patterns:
    """The test of a list with patterns. Compiled when first asked: most lists of a long policy never are."""

    __slots__ = ("_any_character", "_entries", "_match")

    def __init__(self, entries: tuple[str, ...], any_character: str) -> None:
        self._entries = entries
        self._any_character = any_character
        self._match: Test | None = None

    def __call__(self, name: str) -> object:
        """Whether an entry means the name."""
        match = self._match
        if match is None:
            expression = "|".join(_expression(entry, self._any_character) for entry in self._entries)
            match = self._match = re.compile(expression, re.DOTALL).fullmatch
        return match(name)


def _expression(pattern: str, any_character: str) -> str:
    """Each run up to the next literal is atomic: where a literal fits first is as good as any later place."""
    first, *rest = (
        "".join(any_character if c == "?" else re.escape(c) for c in part) for part in pattern.split("*")
    )
    if not rest:
        return first
    *middle, last = rest
    runs = "".join(f"(?>{any_character}*?{part})" for part in middle if part)
    return f"{first}{runs}{any_character}*{last}"
