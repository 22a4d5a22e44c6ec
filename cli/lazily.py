"""`exec --server --lazy`: the child is started at once, and what serves it is got ready meanwhile.

Most of a start is loading the AWS libraries. The child finds its endpoint bound already, and whoever connects
before it is served waits. Only where nobody may have to be asked for a login or a code: that comes before.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cli.child.end import ChildEnd
from cli.child.run import leave_signals_to_the_main_thread, run_child
from cli.output import note
from cli.seats import SeatNote, SeatNotes
from cli.wish import Place, Teller, Wish, announce_lazy, command_of, served_environment, told_end
from sentinel_server import wiring
from sentinel_server.clock import SystemClock
from sentinel_server.credentials.endpoints import region_of
from sentinel_server.errors import SentinelError

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Entrance


_AGAIN = 2.0
"""Seconds after which a door that could not be opened is tried again."""


async def run_lazily(settings: Settings, wish: Wish) -> ChildEnd:
    """Run the child to its end, and serve it as soon as that can be.

    Raises UnknownProfile and InvalidSetting before it is started. What cannot be opened afterwards is said,
    and is a refusal of every fetch.
    """
    workers = ThreadPoolExecutor(initializer=leave_signals_to_the_main_thread)
    asyncio.get_running_loop().set_default_executor(workers)
    seat = SeatNotes(SeatNote(profile=wish.profile, pid=os.getpid()))
    teller = Teller(live=True, seat=seat)
    profile = wiring.load_profile(settings, wish.profile)
    region = settings.region or region_of(profile, settings.environ)
    with wiring.open_entrance(settings) as entrance, wiring.runtime_directory(settings) as write:
        seat.keep_in(write)
        env = served_environment(settings, wish, entrance, write, Place(profile, region))
        announce_lazy(wish, entrance)
        serving: asyncio.Task[None] | None = None

        def started(_: int) -> None:
            nonlocal serving
            serving = asyncio.create_task(_serve(settings, wish, entrance, teller, seat))

        end = await run_child(command_of(wish, env), env, on_started=started)
        if serving is not None:
            await _ended(serving)
    return told_end(end, teller)


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
