"""Serving a child that runs already; see `lazily`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cli.child.end import Child, ChildEnd
from cli.child.run import leave_signals_to_the_main_thread
from cli.collecting import search_as_usual
from cli.output import note
from cli.seats import SeatNotes
from cli.wish import Teller, Wish
from sentinel_server import wiring
from sentinel_server.clock import SystemClock
from sentinel_server.errors import SentinelError

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Entrance


_AGAIN = 2.0
"""Seconds after which a door that could not be opened is tried again."""


async def serve_until_ended(
    child: Child, settings: Settings, wish: Wish, entrance: Entrance, teller: Teller, seat: SeatNotes
) -> ChildEnd:
    """The end of a child that is served at `entrance` until then. A failure of serving afterwards is said."""
    workers = ThreadPoolExecutor(initializer=leave_signals_to_the_main_thread)
    asyncio.get_running_loop().set_default_executor(workers)
    serving = asyncio.create_task(_serve(settings, wish, entrance, teller, seat))
    end = await child.ended()
    await _ended(serving)
    return end


async def _ended(serving: asyncio.Task[None]) -> None:
    serving.cancel()
    (outcome,) = await asyncio.gather(serving, return_exceptions=True)
    if isinstance(outcome, SentinelError):
        note(f"the command has ended, but this failed afterwards: {outcome.line()}")
    elif isinstance(outcome, Exception):
        raise outcome


async def _serve(settings: Settings, wish: Wish, entrance: Entrance, teller: Teller, seat: SeatNotes) -> None:
    """Serve until cancelled. While no door can be opened, every fetch is refused with the reason."""
    await asyncio.to_thread(_load)
    from cli.serving import open_session
    from sentinel_server.web.errors import unexpected

    refusing: str | None = None
    while True:
        opened = False
        try:
            async with open_session(settings, wish, teller, seat) as (session, door):
                opened = True
                if refusing is not None:
                    teller.told(None)
                async with wiring.loopback(settings, entrance, session, session, door.sources.clock):
                    search_as_usual()
                    await asyncio.Event().wait()
        except Exception as error:
            if opened:
                raise
            reason = error if isinstance(error, SentinelError) else unexpected(error)
            if reason.message != refusing:
                refusing = reason.message
                teller.told(reason)
            closed = _Closed(reason)
            async with wiring.loopback(settings, entrance, closed, closed, SystemClock()):
                await asyncio.sleep(_AGAIN)


class _Closed:
    """What stands where no door could be opened: every fetch is refused with the reason."""

    def __init__(self, reason: SentinelError) -> None:
        self._reason = reason

    async def fetch(self) -> bytes:
        raise self._reason

    def auth_failed(self, why: str) -> None:
        """There is no log to write it to."""

    def rate_limited(self) -> None:
        """Nor for this."""

    def failed(self, error: SentinelError) -> None:
        """Nor for this."""


def _load() -> None:
    """Import what serving needs, so that the event loop can look after the child meanwhile."""
    import cli.serving  # noqa: F401

    wiring.load_door()
