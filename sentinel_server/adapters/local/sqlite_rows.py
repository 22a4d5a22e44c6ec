"""Sessions and blocks as SQLite rows. Timestamps are fixed-width text, so text order is time order.

Statements are built from constants of this module alone; every value is an argument.
"""

# ruff: noqa: S608

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.sessions.listing import Position
from sentinel_server.sessions.model import (
    BLOCK,
    REVOCATION,
    STORED,
    Block,
    BlockKey,
    Revocation,
    Scope,
    Session,
)
from sentinel_server.sessions.store import SessionQuery

Value = str | int | None
Row = tuple[Any, ...]

IS_SESSION = "session"

_SESSION = (*STORED, *REVOCATION)
_BLOCK = ("key", *BLOCK)

SESSION_COLUMNS = ", ".join(_SESSION)
BLOCK_COLUMNS = ", ".join(_BLOCK)
INSERT_SESSION = (
    f"INSERT INTO sessions ({SESSION_COLUMNS}) VALUES ({', '.join('?' * len(_SESSION))})"
    " ON CONFLICT (id) DO NOTHING"
)
SELECT_SESSION = f"SELECT {SESSION_COLUMNS} FROM sessions WHERE id = ?"
UPSERT_BLOCK = f"INSERT OR REPLACE INTO blocks ({BLOCK_COLUMNS}) VALUES ({', '.join('?' * len(_BLOCK))})"
SELECT_BLOCKS = f"SELECT {BLOCK_COLUMNS} FROM blocks ORDER BY at, key"


def padded(columns: str) -> str:
    """The columns of a smaller row, as wide as a session's, so that one statement can read both."""
    return columns + ", NULL" * (len(_SESSION) - columns.count(",") - 1)


def optional_time(instant: datetime | None) -> str | None:
    """A timestamp for a column that may be NULL."""
    return None if instant is None else sortable(instant)


def session_row(session: Session) -> tuple[Value, ...]:
    """The columns of a session, in the order of `SESSION_COLUMNS`."""
    cut = session.revocation
    return (
        session.id,
        session.person,
        session.user,
        session.principal_arn,
        session.principal_id,
        session.profile,
        session.server_instance_id,
        session.source_identity,
        sortable(session.started_at),
        sortable(session.heartbeat_at),
        sortable(session.last_access_at),
        sortable(session.expires_at),
        session.lease_seconds,
        session.role_arn,
        session.request_count,
        optional_time(session.credentials_until),
        optional_time(session.ended_at),
        session.override_id,
        sortable(cut.at) if cut else None,
        cut.by if cut else None,
        cut.reason if cut else None,
    )


@lru_cache(maxsize=512)
def read_session(row: Row) -> Session:
    """The session of a row; equal rows give one object. Raises ValueError or TypeError for a bad row."""
    (id_, person, user, arn, principal_id, profile, instance, source, started, beat, access, expires) = row[
        :12
    ]
    (lease, role, count, until, ended, override, revoked_at, revoked_by, revoked_reason) = row[12:]
    revoked = _time(revoked_at)
    return Session(
        id=id_,
        person=person,
        user=user,
        principal_arn=arn,
        principal_id=principal_id,
        profile=profile,
        server_instance_id=instance,
        source_identity=source,
        started_at=parse_sortable(started),
        heartbeat_at=parse_sortable(beat),
        last_access_at=parse_sortable(access),
        expires_at=parse_sortable(expires),
        lease_seconds=lease,
        role_arn=role,
        request_count=count,
        credentials_until=_time(until),
        ended_at=_time(ended),
        override_id=override,
        revocation=Revocation(at=revoked, by=revoked_by, reason=revoked_reason) if revoked else None,
    )


def block_row(block: Block) -> tuple[Value, ...]:
    """The columns of a block, in the order of `BLOCK_COLUMNS`."""
    key = block.key
    return (
        str(key),
        key.scope.value,
        key.name,
        sortable(block.at),
        block.by,
        block.reason,
        optional_time(block.until),
        optional_time(block.lifted_at),
        block.lifted_by,
    )


def read_block(row: Row) -> Block:
    """The block of a row. Raises ValueError or TypeError for a bad row."""
    (_, scope, name, at, by, reason, until, lifted_at, lifted_by) = row[: len(_BLOCK)]
    return Block(
        key=BlockKey(scope=Scope(scope), name=name),
        at=parse_sortable(at),
        by=by,
        reason=reason,
        until=_time(until),
        lifted_at=_time(lifted_at),
        lifted_by=lifted_by,
    )


def newest_first(query: SessionQuery, after: Position | None) -> tuple[str, tuple[Value, ...]]:
    """The statement that walks over the candidates of a query; states and limits are the caller's."""
    conditions: list[str] = ["1 = 1"]
    arguments: list[Value] = []
    for column in ("person", "user", "profile"):
        if (wanted := getattr(query, column)) is not None:
            conditions.append(f"{column} = ?")
            arguments.append(wanted)
    if query.since is not None:
        conditions.append("started_at >= ?")
        arguments.append(sortable(query.since))
    if after is not None:
        conditions.append("(started_at, id) < (?, ?)")
        arguments += (sortable(after.started_at), after.id)
    where = " AND ".join(conditions)
    statement = f"SELECT {SESSION_COLUMNS} FROM sessions WHERE {where} ORDER BY started_at DESC, id DESC"
    return statement, tuple(arguments)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_sortable(text)
