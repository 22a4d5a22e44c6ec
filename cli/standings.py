"""What this shell holds, as far as its variables and its server's note say: at once, and asking nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from cli.seats import Refusal, SeatNote, read_note
from sentinel_server.frozen import frozen

ENDPOINT = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105  # a name
TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105  # a name
EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"
"""The variables that `exec` sets, as SDKs read them."""


class Holds(Enum):
    """What a shell holds; `HELD` are credentials handed over once, the rest is about a server."""

    NOTHING = "nothing"
    HELD = "held"
    OVER = "over"
    SERVED = "served"
    WAITING = "waiting"
    REFUSED = "refused"
    SILENT = "silent"
    GONE = "gone"


@frozen
class Standing:
    """What this shell holds. `id` is that of its session, or of what was issued to it once; times are in UTC.

    `until` is the end of the session, or of credentials that were handed over; `lease_until` is what the
    server told just now. `status` is the exit status that goes with it, `warnings` what is in the shell's
    way, `unasked` what could not be asked.
    """

    holds: Holds
    status: int = 0
    profile: str = ""
    id: str | None = None
    url: str | None = None
    until: datetime | None = None
    lease_until: datetime | None = None
    note: SeatNote | None = None
    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()

    @property
    def next(self) -> str:
        """What to do next; empty when all is well."""
        if self.holds is Holds.NOTHING:
            return "sentinel exec --server"
        if self.holds is Holds.REFUSED and self.refusal is not None:
            return self.refusal.next
        if self.holds in (Holds.OVER, Holds.GONE):
            return "leave this shell (exit), and start another: sentinel exec --server"
        return "ask again: sentinel status" if self.holds is Holds.SILENT else ""


def from_variables(environ: Mapping[str, str], now: datetime) -> Standing:
    """What is known without asking anybody, the server included: enough for a prompt."""
    profile = environ.get("AWS_SENTINEL", "")
    if not profile:
        return Standing(holds=Holds.NOTHING, status=1, warnings=tuple(_from_elsewhere(environ)))
    found = Standing(
        holds=Holds.HELD,
        profile=profile,
        id=environ.get("AWS_SENTINEL_ID"),
        url=environ.get(ENDPOINT),
        warnings=tuple(_in_the_way(environ, profile)),
    )
    if found.url is not None:
        return _served(found, environ, now)
    if "AWS_ACCESS_KEY_ID" not in environ:
        return replace(found, holds=Holds.OVER, status=1)
    until = instant(environ.get(EXPIRATION))
    over = until is not None and until <= now
    return replace(found, until=until, holds=Holds.OVER if over else Holds.HELD, status=int(over))


def instant(text: str | None) -> datetime | None:
    """The instant in a variable or note; None for what is none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _served(found: Standing, environ: Mapping[str, str], now: datetime) -> Standing:
    directory = token_directory(environ)
    seat = read_note(directory) if directory else None
    if seat is None:
        return replace(found, holds=Holds.GONE, status=1)
    until = instant(seat.ends_at)
    found = replace(found, id=seat.session_id, note=seat, until=until, refusal=seat.refusal)
    if not _lives(seat.pid):
        return replace(found, holds=Holds.GONE, status=1)
    if seat.refusing:
        status = 3 if seat.refusal is None else exit_status_of(seat.refusal.code)
        return replace(found, holds=Holds.REFUSED, status=status)
    if until is not None and until <= now:
        return replace(found, holds=Holds.OVER, status=1)
    return replace(found, holds=Holds.SERVED if seat.session_id else Holds.WAITING)


def token_directory(environ: Mapping[str, str]) -> Path | None:
    """Where the server of this shell keeps its files."""
    file = environ.get(TOKEN_FILE)
    return Path(file).parent if file else None


def exit_status_of(code: str) -> int:
    """The exit status of the error with this code; 6 for one that we do not know."""
    from sentinel_server.errors import all_errors

    return next((error.exit_status for error in all_errors() if error.code == code), 6)


def _in_the_way(environ: Mapping[str, str], profile: str) -> list[str]:
    """What the shell's start-up files may have set, and SDKs would take instead."""
    found = [
        f"{name} is set to {environ[name]!r}, which this shell does not have: unset {name}"
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
        if environ.get(name, profile) != profile
    ]
    if ENDPOINT in environ and "AWS_ACCESS_KEY_ID" in environ:
        found.append("AWS_ACCESS_KEY_ID is set, and SDKs take it instead: unset AWS_ACCESS_KEY_ID")
    return found


def _from_elsewhere(environ: Mapping[str, str]) -> list[str]:
    if "AWS_ACCESS_KEY_ID" not in environ:
        return []
    return ["AWS_ACCESS_KEY_ID is set here, by sentinel export or by something else; we cannot tell which"]


def _lives(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # there, signal 0 is Ctrl-C
    else:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except (OverflowError, OSError):
            return True
        return True
