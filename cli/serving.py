"""What `exec` does once it knows what is wanted: open a door, start the child, and say what happened."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from cli import loop
from cli.child.end import ChildEnd
from cli.child.run import exec_replace, leave_signals_to_the_main_thread, run_child
from cli.collecting import search_as_usual
from cli.once import once
from cli.output import note
from cli.seats import SeatNote, SeatNotes
from cli.visitor import at_the_terminal
from cli.wish import (
    Place,
    Teller,
    Wish,
    announce_lazy,
    command_of,
    served_environment,
    tell_of_containers,
    told_end,
)
from sentinel_server import wiring
from sentinel_server.access.facts import Ask
from sentinel_server.access.session import ServerSession, SessionOptions
from sentinel_server.clock import whole_seconds
from sentinel_server.credentials.environment import StaticCredentials, child_config, child_environment
from sentinel_server.errors import SentinelError
from sentinel_server.policy.schema import Mode

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Door, Entrance


async def run_served(settings: Settings, wish: Wish) -> ChildEnd:
    """Serve the child until it ends. Raises the refusal when it may not even start."""
    seat = SeatNotes(SeatNote(profile=wish.profile, pid=os.getpid()))
    teller = Teller(live=wish.lazy, seat=seat)
    workers = ThreadPoolExecutor(initializer=leave_signals_to_the_main_thread)
    asyncio.get_running_loop().set_default_executor(workers)
    end: ChildEnd | None = None
    loading = asyncio.create_task(asyncio.to_thread(wiring.load_server))  # while AWS is asked
    try:
        async with open_session(settings, wish, teller, seat) as (session, door):
            teller.live = True
            end = await _child(settings, wish, door, session, seat, loading)
    except SentinelError as error:
        if end is None:
            raise
        note(f"the command has ended, but this failed afterwards: {error.line()}")
    finally:
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
    return told_end(end, teller)


@asynccontextmanager
async def open_session(
    settings: Settings, wish: Wish, teller: Teller, seat: SeatNotes
) -> AsyncIterator[tuple[ServerSession, Door]]:
    """A session that may be served, and its door; ended and closed at the end. Raises the refusal."""
    visitor = replace(at_the_terminal(), mfa_token=wish.mfa_token, told=teller.told)
    ask = Ask(profile=wish.profile, mode=Mode.SERVER, duration=settings.server_duration, lease=settings.lease)
    options = SessionOptions(max_session=settings.max_session, heartbeat=settings.heartbeat, lazy=wish.lazy)
    async with wiring.open_door(settings, ask, visitor) as door:
        session = ServerSession(door.gate, door.sources, door.seat, options, seat.begun)
        try:
            await session.start()
            yield session, door
        finally:
            await session.close()


async def _child(
    settings: Settings,
    wish: Wish,
    door: Door,
    session: ServerSession,
    seat: SeatNotes,
    loading: asyncio.Task[None],
) -> ChildEnd:
    """The end of the child, which is started at once: its endpoint is bound, and a fetch may wait there."""
    with wiring.open_entrance(settings) as entrance, wiring.runtime_directory(settings) as write:
        seat.keep_in(write)
        env = served_environment(
            settings, wish, entrance, write, Place(door.profile, door.region, session.session_id)
        )
        _announce(session, entrance, wish)
        running = asyncio.create_task(run_child(command_of(wish, env), env))
        async with AsyncExitStack() as stack:
            try:
                await loading
                server = wiring.loopback(settings, entrance, session, session, door.sources.clock)
                await stack.enter_async_context(server)
            except Exception as error:  # the child runs, and is not to be left alone for it
                entrance.listener.close()  # whoever asks is refused at once
                why = error.line() if isinstance(error, SentinelError) else type(error).__name__
                note(f"nothing can be served, so the command gets no credentials: {why}")
            search_as_usual()
            return await running


def _announce(session: ServerSession, entrance: Entrance, wish: Wish) -> None:
    if session.session_id is None:
        announce_lazy(wish, entrance)
        return
    bound = "" if session.until is None else f"; what it holds ends by {whole_seconds(session.until)}"
    note(f"session {session.session_id} serves {wish.profile}{bound}")
    note(f"cut it off with: sentinel server-revoke {session.session_id} --reason WHY")
    tell_of_containers(wish)


def run_once(settings: Settings, wish: Wish) -> ChildEnd:
    """Decide once, and become the command; returns only when it could not be started."""
    issued, door = loop.run(once(settings, wish, Mode.CLI))
    files = wiring.child_files(settings, child_config(door.profile, door.region))
    env = child_environment(
        settings.environ,
        profile=wish.profile,
        region=door.region,
        config_file=str(files.config),
        credentials_file=str(files.credentials),
        door=StaticCredentials(credentials=issued.credentials, expires_at=issued.expires_at),
        id=issued.issue_id,
        ignore_case=sys.platform == "win32",
    )
    return told_end(exec_replace(command_of(wish, env), env), Teller(live=False))
