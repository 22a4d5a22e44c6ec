"""What was typed after `exec`, and what is said while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli.output import note
from cli.seats import SeatNotes
from sentinel_server.clock import SystemClock
from sentinel_server.credentials.environment import ServerDoor, child_config, child_environment
from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from cli.child.end import ChildEnd
    from cli.containers import Needs
    from sentinel_server.credentials.profiles import Profile
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Entrance


@frozen
class Wish:
    """What was typed: a profile, a command (empty for the shell), and how it shall be served."""

    profile: str
    command: tuple[str, ...] = ()
    duration: str | None = None
    lazy: bool = False
    mfa_token: str | None = None
    needs: Needs | None = None
    """What containers need, when that is to be said."""


class Place(NamedTuple):
    """What a child is served with: a profile, where its calls go, and a session, if there is one yet."""

    profile: Profile
    region: str | None
    session_id: str | None = None


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


def told_end(end: ChildEnd, teller: Teller) -> ChildEnd:
    """The child's end, after saying why it could not be started, or that its last fetch was refused."""
    if end.reason:
        note(end.reason)
        note(f"next: {end.hint}")
    elif teller.last is not None:
        note(f"the last fetch was refused: {teller.last.line()}")
    return end


def served_environment(
    settings: Settings,
    wish: Wish,
    entrance: Entrance,
    write: Callable[[str, str], Path],
    place: Place,
) -> dict[str, str]:
    """The environment of a child that is served at `entrance`; `write` makes its private files."""
    token = entrance.token
    door = ServerDoor(
        url=entrance.url,
        host=settings.listen,
        token=token,
        token_file=str(write("token", token.reveal())),
    )
    return child_environment(
        settings.environ,
        profile=wish.profile,
        region=place.region,
        config_file=str(write("config", child_config(place.profile, place.region))),
        credentials_file=str(write("credentials", "")),
        door=door,
        id=place.session_id,
        ignore_case=sys.platform == "win32",
    )


def announce_lazy(wish: Wish, entrance: Entrance) -> None:
    """Say that serving begins with the first fetch."""
    note(f"serving {wish.profile} on port {entrance.port}, from the first fetch on")
    tell_of_containers(wish)


def tell_of_containers(wish: Wish) -> None:
    """Say how a container gets there, if that was asked for."""
    if wish.needs is not None:
        from cli.containers import docker_run

        note("a container started from in here has it too, like this:", docker_run(wish.needs).splitlines())


def command_of(wish: Wish, env: Mapping[str, str]) -> list[str]:
    """What is to be run: the command, or the user's shell."""
    from cli.child.run import default_command  # who is only asked for credentials has no child

    return list(wish.command) or default_command(env)
