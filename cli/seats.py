"""What a shell under `exec --server` can learn of its server: a note in the server's private directory.

The server writes it when its session begins and when the outcome of fetches changes, and `status` reads it.
No secret is in it. It is a courtesy: serving goes on when it cannot be written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.sessions.model import Session

NAME = "status.json"
"""The note's file, beside that of the token."""


@frozen
class Refusal:
    """The last refusal: our code, what it said, what to do next, and when (in UTC, to the second)."""

    code: str
    message: str
    next: str
    at: str


@frozen
class SeatNote:
    """What is written. Without a `session_id` nothing was asked for yet; times are in UTC, to the second.

    `refusing` says whether the last fetch was refused; `refusal` is the last one, however long ago.
    """

    profile: str
    pid: int
    session_id: str | None = None
    principal: str | None = None
    person: str | None = None
    role_arn: str | None = None
    source_identity: str | None = None
    override_id: str | None = None
    started_at: str | None = None
    ends_at: str | None = None
    refusing: bool = False
    refusal: Refusal | None = None


class SeatNotes:
    """Keeps one note up to date."""

    def __init__(self, note: SeatNote) -> None:
        self._note = note
        self._write: Callable[[str, str], Path] | None = None

    def keep_in(self, write: Callable[[str, str], Path]) -> None:
        """Write it from now on: `write` makes a new file of a name, with a text, in a private directory."""
        self._write = write
        self._save()

    def begun(self, session: Session) -> None:
        """The session has its row."""
        from sentinel_server.clock import whole_seconds

        self._note = replace(
            self._note,
            session_id=session.id,
            principal=session.principal_arn,
            person=session.person,
            role_arn=session.role_arn,
            source_identity=session.source_identity or None,
            override_id=session.override_id,
            started_at=whole_seconds(session.started_at),
            ends_at=whole_seconds(session.expires_at),
        )
        self._save()

    def told(self, error: SentinelError | None, at: datetime) -> None:
        """Fetches are refused with `error` from now on; with None they are served again."""
        self._note = replace(self._note, refusing=error is not None)
        if error is not None:
            self._note = replace(self._note, refusal=refusal_of(error, at))
        self._save()

    def _save(self) -> None:
        if self._write is None:
            return
        with suppress(OSError, SentinelError):
            new = self._write(f"{NAME}.new", json.dumps(asdict(self._note), indent=2))
            new.replace(new.with_name(NAME))


def refusal_of(error: SentinelError, at: datetime) -> Refusal:
    """The refusal, as it is written down."""
    from sentinel_server.clock import whole_seconds

    return Refusal(code=error.code, message=error.message, next=error.hint, at=whole_seconds(at))


def read_note(directory: Path) -> SeatNote | None:
    """The note in this directory; None when there is none, or none that we wrote."""
    try:
        found = json.loads((directory / NAME).read_text(encoding="utf-8"))
        refusal = found.pop("refusal", None)
        return SeatNote(**_known(SeatNote, found), refusal=Refusal(**refusal) if refusal else None)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _known(kind: type[SeatNote], found: Mapping[str, Any]) -> dict[str, Any]:
    """What this version knows of it: a later one may have written more."""
    return {field.name: found[field.name] for field in fields(kind) if field.name in found}
