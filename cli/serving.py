"""What `exec` does once it knows what is wanted: open a door, start the child, and say what happened."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cli.child.end import ChildEnd
from cli.child.run import (
    default_command,
    exec_replace,
    leave_signals_to_the_main_thread,
    run_child,
)
from cli.containers import Needs, docker_run
from cli.output import note
from cli.seats import SeatNote, SeatNotes
from cli.visitor import at_the_terminal
from sentinel_server import wiring
from sentinel_server.access.facts import Ask
from sentinel_server.access.once import issue_once
from sentinel_server.access.seat import Issued
from sentinel_server.access.session import ServerSession, SessionOptions
from sentinel_server.clock import SystemClock, whole_seconds
from sentinel_server.credentials.environment import (
    ServerDoor,
    StaticCredentials,
    child_config,
    child_environment,
)
from sentinel_server.errors import BadInput, SentinelError
from sentinel_server.policy.durations import parse_duration
from sentinel_server.policy.schema import Mode

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.web.run import LoopbackServer
    from sentinel_server.wiring import Door


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was typed: a profile, a command (empty for the shell), and how it shall be served."""

    profile: str
    command: tuple[str, ...] = ()
    duration: str | None = None
    lazy: bool = False
    mfa_token: str | None = None
    needs: Needs | None = None
    """What containers need, when that is to be said."""


class Teller:
    """Says each change of outcome once on stderr, because most SDKs keep a refusal's reason to themselves.

    It is silent until `live`: a refusal before the child starts is the command's own error already.
    """

    def __init__(self, *, live: bool, seat: SeatNotes | None = None) -> None:
        self.live = live
        self.last: SentinelError | None = None
        self._seat = seat

    def told(self, error: SentinelError | None) -> None:
        """Note a refusal, or that serving goes on."""
        if self.live:
            self.last = error
            if self._seat is not None:
                self._seat.told(error, SystemClock().now())
            note("serving again" if error is None else f"refused: {error.line()}")


async def run_served(settings: Settings, wish: Wish) -> ChildEnd:
    """Serve the child until it ends. Raises the refusal when it may not even start."""
    seat = SeatNotes(SeatNote(profile=wish.profile, pid=os.getpid()))
    teller = Teller(live=wish.lazy, seat=seat)
    visitor = replace(at_the_terminal(), mfa_token=wish.mfa_token, told=teller.told)
    ask = Ask(profile=wish.profile, mode=Mode.SERVER, duration=settings.server_duration, lease=settings.lease)
    workers = ThreadPoolExecutor(initializer=leave_signals_to_the_main_thread)
    asyncio.get_running_loop().set_default_executor(workers)
    end: ChildEnd | None = None
    try:
        async with wiring.open_door(settings, ask, visitor) as door:
            options = SessionOptions(
                max_session=settings.max_session, heartbeat=settings.heartbeat, lazy=wish.lazy
            )
            session = ServerSession(door.gate, door.sources, door.seat, options, seat.begun)
            try:
                await session.start()
                teller.live = True
                end = await _child(settings, wish, door, session, seat)
            finally:
                await session.close()
    except SentinelError as error:
        if end is None:
            raise
        note(f"the command has ended, but this failed afterwards: {error.line()}")
    return _told_end(end, teller)


async def _child(
    settings: Settings, wish: Wish, door: Door, session: ServerSession, seat: SeatNotes
) -> ChildEnd:
    server, token = wiring.loopback(settings, session, door.sources.clock)
    with wiring.runtime_directory(settings) as write:
        async with server:
            seat.keep_in(write)
            file = str(write("token", token.reveal()))
            serving = ServerDoor(url=server.url, host=settings.listen, token=token, token_file=file)
            env = child_environment(
                settings.environ,
                profile=wish.profile,
                region=door.region,
                config_file=str(write("config", child_config(door.profile, door.region))),
                credentials_file=str(write("credentials", "")),
                door=serving,
                id=session.session_id,
                ignore_case=sys.platform == "win32",
            )
            _announce(session, server, wish)
            if wish.needs is not None:
                _tell_of_containers(wish.needs)
            return await run_child(_command(wish, env), env)


def _announce(session: ServerSession, server: LoopbackServer, wish: Wish) -> None:
    if session.session_id is None:
        note(f"serving {wish.profile} on port {server.port}, from the first fetch on")
        return
    bound = "" if session.until is None else f"; what it holds ends by {whole_seconds(session.until)}"
    note(f"session {session.session_id} serves {wish.profile}{bound}")
    note(f"cut it off with: sentinel server-revoke {session.session_id} --reason WHY")


def _tell_of_containers(needs: Needs) -> None:
    note("a container started from in here has it too, like this:", docker_run(needs).splitlines())


def _told_end(end: ChildEnd, teller: Teller) -> ChildEnd:
    if end.reason:
        note(end.reason)
        note(f"next: {end.hint}")
    elif teller.last is not None:
        note(f"the last fetch was refused: {teller.last.line()}")
    return end


def run_once(settings: Settings, wish: Wish) -> ChildEnd:
    """Decide once, and become the command; returns only when it could not be started."""
    issued, door = asyncio.run(once(settings, wish, Mode.CLI))
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
    return _told_end(exec_replace(_command(wish, env), env), Teller(live=False))


async def once(settings: Settings, wish: Wish, mode: Mode) -> tuple[Issued, Door]:
    """One decision for a one-shot door, with its credentials. Raises the refusal."""
    ask = Ask(profile=wish.profile, mode=mode, duration=_duration(wish.duration), lease=settings.lease)
    visitor = replace(at_the_terminal(), mfa_token=wish.mfa_token)
    async with wiring.open_door(settings, ask, visitor) as door:
        return await issue_once(door.gate, door.seat), door


def _duration(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise BadInput(f"--duration {text!r}: {error}") from None


def _command(wish: Wish, env: Mapping[str, str]) -> list[str]:
    return list(wish.command) or default_command(env)
