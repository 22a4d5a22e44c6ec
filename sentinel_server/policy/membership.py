"""Who a list of names in a side policy means, and whether one of its windows is open."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Protocol

from sentinel_server.identity.principal import Principal
from sentinel_server.policy.match import Users, bare_name, inside, profile_test, span, users_test, wall_clock
from sentinel_server.policy.schema import Group, TimeWindow, expand


class Naming(Protocol):
    """A document whose lists name people: it says which accounts its bare names mean, and its groups."""

    @property
    def trusted_accounts(self) -> tuple[str, ...]:
        """The accounts of bare names; none for the home account."""
        ...

    @property
    def groups(self) -> tuple[Group, ...]:
        """What its entries may name as `group:NAME`."""
        ...


_users = lru_cache(maxsize=512)(users_test)
_profiles = lru_cache(maxsize=512)(profile_test)


def means(entries: tuple[str, ...], document: Naming, principal: Principal, home_account: str | None) -> bool:
    """Whether one of `entries` means the principal, as in `users` of a policy; no entries mean nobody."""
    if not entries:
        return False
    users: Users = _users(expand(entries, document.groups))
    return users.mean(bare_name(principal, document, home_account), principal.arn)


def covers(profiles: tuple[str, ...], profile: str) -> bool:
    """Whether a `profiles` list means the profile; an empty one means any."""
    return not profiles or bool(_profiles(profiles)(profile))


def is_open(window: TimeWindow, now: datetime) -> bool:
    """Whether the window is open at `now`; one in a zone that cannot be resolved never is."""
    clock = wall_clock(now, window.timezone)
    if clock is None:
        return False
    opens, closes = span(window)
    if (opens is not None and now < opens) or (closes is not None and now >= closes):
        return False
    return inside(window, *clock)
