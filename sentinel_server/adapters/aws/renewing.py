"""Credentials that are taken once and renewed ahead of their end, in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from sentinel_server.clock import Clock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import LoginRequired, SentinelError

RENEWED_FROM = timedelta(minutes=12)
"""What is left of temporary credentials when they are renewed in the background; of short ones, half.

botocore begins at 15 minutes left, and so would renew 15-minute sessions of a source role at every use. It
must be over ten where a person may be needed, because that is how far ahead they are told.
"""

RENEWED_AT_LATEST = timedelta(minutes=1)
"""What is left of them when whoever asks has to wait for new ones."""

RETRY_SECONDS = 30.0
"""How long a renewal in the background is left alone, whatever came of it."""


class Supply(Protocol):
    """Gives credentials, renewed when they must be. Raises SentinelErrors."""

    async def resolve(self) -> AwsCredentials:
        """The credentials now."""
        ...

    def at_hand(self) -> AwsCredentials | None:
        """What `resolve` would give without waiting or renewing anything; None when it would do either."""
        ...


class Renewing:
    """A Supply over what `take` gives. For one event loop; `close` when it is over.

    `instant` says that taking costs nothing, so that nothing need be done in the background; `person`, that
    taking may need one. `at_hand` gives what `take` would give without waiting, where that is known.
    """

    def __init__(
        self,
        take: Callable[[], Awaitable[AwsCredentials]],
        clock: Clock,
        *,
        instant: Callable[[], bool] = lambda: False,
        at_hand: Callable[[], AwsCredentials | None] = lambda: None,
        person: bool = False,
    ) -> None:
        self._take = take
        self._clock = clock
        self._instant = instant
        self._instantly = at_hand
        self._person = person
        self._renewed_from = RENEWED_FROM
        self._turn = asyncio.Lock()
        self._current: AwsCredentials | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[AwsCredentials] | None = None
        self._renewed_at = -RETRY_SECONDS
        self._lapse: LoginRequired | None = None

    async def resolve(self) -> AwsCredentials:
        """The credentials now. Raises what `take` raises when there are none to hand out."""
        current = self._lasting(RENEWED_AT_LATEST)
        if current is None and self._instant():
            return await self._take_in_turn()
        if current is None:
            # Who waits may give up before slow credentials come; the next one must find them there.
            if self._taking is None or self._taking.done():
                self._taking = asyncio.create_task(self._take_in_turn())
                self._taking.add_done_callback(note_outcome)
            return await asyncio.shield(self._taking)
        if self._lasting(self._renewed_from) is None:
            self._renew()
        return current

    def at_hand(self) -> AwsCredentials | None:
        """What `resolve` would give at once, while nothing is due; None otherwise."""
        if self._lasting(RENEWED_AT_LATEST) is None:
            return self._instantly() if self._instant() else None
        return self._lasting(self._renewed_from)

    async def settle(self) -> None:
        """Wait for what is going on in the background. Never raises what went wrong there."""
        if self._renewal is not None:
            await asyncio.wait([self._renewal])

    def put(self, credentials: AwsCredentials) -> None:
        """Go on with these."""
        if credentials.expires_at is not None and not self._person and not self.has(credentials):
            self._renewed_from = min(RENEWED_FROM, (credentials.expires_at - self._clock.now()) / 2)
        self._current, self._lapse = credentials, None

    def has(self, credentials: AwsCredentials) -> bool:
        """Whether these are the ones that are there already."""
        return self._current is not None and self._current.access_key_id == credentials.access_key_id

    @property
    def lapse(self) -> tuple[datetime, LoginRequired] | None:
        """When what is there ends, if only a person can renew it, and why; None while that is not known."""
        current = self._lasting(timedelta(0))
        if self._lapse is None or current is None or current.expires_at is None:
            return None
        return current.expires_at, self._lapse

    async def close(self) -> None:
        """End what is going on in the background."""
        under_way = [task for task in (self._renewal, self._taking) if task is not None]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _lasting(self, least: timedelta) -> AwsCredentials | None:
        """What was taken last, when it says when it ends and at least `least` is left."""
        current = self._current
        if current is None or current.expires_at is None:
            return None
        return current if current.expires_at - self._clock.now() >= least else None

    async def _take_in_turn(self) -> AwsCredentials:
        async with self._turn:
            lasting = self._lasting(RENEWED_AT_LATEST)
            if lasting is None:
                lasting = await self._take()
                self.put(lasting)
            return lasting

    def _renew(self) -> None:
        now = self._clock.monotonic()
        busy = self._renewal is not None and not self._renewal.done()
        if not busy and now - self._renewed_at >= RETRY_SECONDS:
            self._renewed_at = now
            self._renewal = asyncio.create_task(self._renew_quietly())

    async def _renew_quietly(self) -> None:
        """Whoever has to wait for new ones will be told what went wrong."""
        try:
            async with self._turn:
                self.put(await self._take())
        except LoginRequired as error:
            self._lapse = error
        except SentinelError:
            return


def note_outcome(task: asyncio.Task[Any]) -> None:
    """For a task whose waiters may all be gone: its exception has been seen."""
    if not task.cancelled():
        task.exception()
