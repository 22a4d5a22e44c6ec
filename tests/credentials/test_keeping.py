"""Base credentials under a running server: renewed in time, and a person told once, ahead of time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from sentinel_server.credentials.keeping import EVERY, keep, notice
from sentinel_server.errors import LoginRequired
from tests.fakes.clock import NOON, FakeClock

MFA = LoginRequired("the MFA session of profile 'prod' has ended", hint="start again from a terminal")


@dataclass(slots=True)
class Watched:
    """Base credentials that say, look by look, when a person will be needed; and the person's terminal."""

    ends: list[datetime | None]
    clock: FakeClock = field(default_factory=FakeClock)
    said: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    async def tend(self) -> tuple[datetime, LoginRequired] | None:
        end = self.ends.pop(0)
        return None if end is None else (end, MFA)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.pass_(timedelta(seconds=seconds))
        if not self.ends:
            raise asyncio.CancelledError

    async def watch(self) -> None:
        say: Callable[[str], None] = self.said.append
        with pytest.raises(asyncio.CancelledError):
            await keep(self, "prod", self.clock, say, self.pause)


async def test_while_everything_renews_by_itself_nothing_is_said() -> None:
    watched = Watched([None] * 5)
    await watched.watch()
    assert watched.said == []
    assert watched.pauses == [1, EVERY, EVERY, EVERY, EVERY]


async def test_each_end_is_told_once_with_what_to_do() -> None:
    end, later = NOON + timedelta(minutes=11), NOON + timedelta(hours=12)
    watched = Watched([None, end, end, end, None, later, later])
    await watched.watch()
    assert watched.said[0] == (
        "you will be needed in 10 min: the base credentials of prod end at 2026-01-31T12:11:00Z; "
        "start again from a terminal"
    )
    assert len(watched.said) == 2


def test_what_has_ended_already_is_not_told_with_minutes_below_zero() -> None:
    assert notice("prod", (NOON, MFA), NOON + timedelta(hours=1)).startswith("you will be needed in 0 min:")
