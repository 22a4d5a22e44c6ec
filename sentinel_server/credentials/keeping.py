"""Looks after base credentials while a server runs, and says in good time when a person will be needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from sentinel_server.clock import Clock, whole_seconds
from sentinel_server.errors import LoginRequired

EVERY = 10.0
"""Seconds between two looks."""

_FIRST = 1.0
"""Seconds to the second look: what is due at the start is known by then."""


class Tended(Protocol):
    """Base credentials, as whoever looks after them sees them."""

    async def tend(self) -> tuple[datetime, LoginRequired] | None:
        """Renew what is due; when a person will be needed and why, as far as is known.

        It is known over ten minutes ahead, except where something ends before its time.
        """
        ...


async def keep(
    base: Tended,
    profile: str,
    clock: Clock,
    say: Callable[[str], None],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tend `base` until cancelled, and say once of each end what has to be done about it."""
    told: datetime | None = None
    wait = _FIRST
    while True:
        lapse = await base.tend()
        if lapse is not None and lapse[0] != told:
            told = lapse[0]
            say(notice(profile, lapse, clock.now()))
        await pause(wait)
        wait = EVERY


def notice(profile: str, lapse: tuple[datetime, LoginRequired], now: datetime) -> str:
    """What the person at the terminal reads."""
    end, why = lapse
    minutes = max(0, int((end - now).total_seconds() // 60))
    return (
        f"you will be needed in {minutes} min: the base credentials of {profile} end at "
        f"{whole_seconds(end)}; {why.hint}"
    )
