"""The session store of one machine: a SQLite file that several processes of one user share."""

# ruff: noqa: S608 (statements are built from constants alone)

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path

from sentinel_server.adapters.local import sqlite_record_rows as ledger_rows
from sentinel_server.adapters.local import sqlite_rows as rows
from sentinel_server.adapters.local.sqlite_file import WRITE_WAIT, SqliteFile
from sentinel_server.adapters.local.sqlite_schema import SCHEMA
from sentinel_server.clock import sortable
from sentinel_server.errors import AlreadyExists, NotFound, StoreUnavailable
from sentinel_server.records.model import Ref
from sentinel_server.records.rules import checked_refs
from sentinel_server.records.store import ReadRows
from sentinel_server.sessions.listing import Position, checked_limit, matches, page_of, read_token
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Session, Standing, checked_new
from sentinel_server.sessions.store import Beat, Page, SessionQuery, StoreRef

_LIVE = "revoked_at IS NULL AND ended_at IS NULL"


class SqliteSessions:
    """A SessionStore in the file at `path`, made when it is first used, with its directory.

    A write waits at most `write_wait` seconds for the writers of other processes. Ledgers are in the same
    file unless they are read `elsewhere`.
    """

    def __init__(
        self, path: Path, *, write_wait: float = WRITE_WAIT, elsewhere: ReadRows | None = None
    ) -> None:
        self._elsewhere = elsewhere
        self._ref = StoreRef(url=f"sqlite://{path.as_posix()}", shared=False)
        self._file = SqliteFile(path, SCHEMA, write_wait=write_wait)

    @property
    def ref(self) -> StoreRef:
        """Which store this is."""
        return self._ref

    async def create(self, session: Session) -> None:
        """Write a new row; raises AlreadyExists."""
        values = rows.session_row(checked_new(session))
        if not await self._changed(rows.INSERT_SESSION, values):
            raise AlreadyExists(f"session {session.id} exists already")

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        """The row, the blocks under `keys`, in their order, and the rows under `refs`, from one statement."""
        if refs and self._elsewhere is not None:
            apart = await self._elsewhere(refs)
            return replace(await self.standing(session_id, keys), rows=apart)
        # By their text, which is hashed once and in C; keys are values of ours.
        wanted, asked = dict.fromkeys(map(str, keys)), checked_refs(refs)
        statement = _standing(len(wanted), len(asked))
        arguments = (session_id, *wanted, *ledger_rows.places(asked))
        found = await self._file.read(lambda connection: connection.execute(statement, arguments).fetchall())
        session = next((self._session(row[1:]) for row in found if row[0] == rows.IS_SESSION), None)
        held = [self._block(row[1:]) for row in found if row[0] == "block"]
        blocks = {str(block.key): block for block in held}
        ledgers = [row[1:] for row in found if row[0] == "record"]
        return Standing(
            session=session,
            blocks=tuple(blocks[key] for key in wanted if key in blocks),
            rows=ledger_rows.read_all(ledgers, self._ref.url),
        )

    async def beat(self, beat: Beat) -> bool:
        """Record a sign of life when its conditions hold."""
        return await self._changed(
            "UPDATE sessions SET heartbeat_at = ?, last_access_at = ?, request_count = ?,"
            " credentials_until = coalesce(?, credentials_until), override_id = coalesce(?, override_id)"
            f" WHERE id = ? AND server_instance_id = ? AND heartbeat_at BETWEEN ? AND ? AND {_LIVE}",
            (
                sortable(beat.at),
                sortable(beat.last_access_at),
                beat.request_count,
                rows.optional_time(beat.credentials_until),
                beat.override_id,
                beat.session_id,
                beat.server_instance_id,
                sortable(beat.not_before),
                sortable(beat.not_after),
            ),
        )

    async def revive(self, session_id: str, server_instance_id: str, seen: datetime, at: datetime) -> bool:
        """Bring a lapsed session back, only if its heartbeat is still `seen`."""
        return await self._changed(
            "UPDATE sessions SET heartbeat_at = ?"
            f" WHERE id = ? AND server_instance_id = ? AND heartbeat_at = ? AND {_LIVE}",
            (sortable(at), session_id, server_instance_id, sortable(seen)),
        )

    async def end(self, session_id: str, at: datetime) -> bool:
        """End a session; False when it is missing, ended or revoked already."""
        return await self._changed(
            f"UPDATE sessions SET ended_at = ? WHERE id = ? AND {_LIVE}", (sortable(at), session_id)
        )

    async def revoke(self, session_id: str, revocation: Revocation) -> Session:
        """Cut a session off; the first revocation stays. Raises NotFound."""

        def work(connection: sqlite3.Connection) -> rows.Row | None:
            connection.execute(
                "UPDATE sessions SET revoked_at = ?, revoked_by = ?, revoked_reason = ?"
                " WHERE id = ? AND revoked_at IS NULL",
                (sortable(revocation.at), revocation.by, revocation.reason, session_id),
            )
            row: rows.Row | None = connection.execute(rows.SELECT_SESSION, (session_id,)).fetchone()
            return row

        row = await self._file.write(work)
        if row is None:
            raise NotFound(f"there is no session {session_id}", hint="list them: sentinel server-sessions")
        return self._session(row, "is revoked, but its row ")

    async def sessions(
        self, query: SessionQuery, now: datetime, limit: int, token: str | None = None
    ) -> Page:
        """One page, newest first."""
        checked_limit(limit)
        after = read_token(query, token)
        return await self._file.read(lambda connection: _page(connection, query, now, limit, after))

    async def block(self, block: Block) -> None:
        """Write a block, replacing one under the same key."""
        await self._changed(rows.UPSERT_BLOCK, rows.block_row(block))

    async def lift(self, key: BlockKey, by: str, at: datetime) -> Block:
        """Lift a block. Raises NotFound when none is in force."""

        def work(connection: sqlite3.Connection) -> rows.Row | None:
            row: rows.Row | None = connection.execute(
                "UPDATE blocks SET lifted_at = ?, lifted_by = ?"
                f" WHERE key = ? AND lifted_at IS NULL AND (until IS NULL OR until > ?)"
                f" RETURNING {rows.BLOCK_COLUMNS}",
                (sortable(at), by, str(key), sortable(at)),
            ).fetchone()
            return row

        row = await self._file.write(work)
        if row is None:
            raise NotFound(f"no block on {key} is in force", hint="list them: sentinel server-blocks")
        return self._block(row)

    async def blocks(self) -> tuple[Block, ...]:
        """Every block ever written, oldest first."""
        found = await self._file.read(lambda connection: connection.execute(rows.SELECT_BLOCKS).fetchall())
        return tuple(self._block(row) for row in found)

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()

    async def _changed(self, statement: str, arguments: Sequence[rows.Value]) -> bool:
        return await self._file.write(
            lambda connection: connection.execute(statement, arguments).rowcount > 0
        )

    def _session(self, row: rows.Row, what: str = "") -> Session:
        try:
            return rows.read_session(row)
        except (ValueError, TypeError) as error:
            raise StoreUnavailable(f"session {row[0]!r} in {self._ref.url} {what}cannot be read") from error

    def _block(self, row: rows.Row) -> Block:
        try:
            return rows.read_block(row)
        except (ValueError, TypeError) as error:
            raise StoreUnavailable(f"block {row[0]!r} in {self._ref.url} cannot be read") from error


@cache
def _standing(blocks: int, refs: int) -> str:
    marks = ", ".join("?" * blocks)
    return (
        f"SELECT '{rows.IS_SESSION}', {rows.SESSION_COLUMNS} FROM sessions WHERE id = ?"
        f" UNION ALL SELECT 'block', {rows.padded(rows.BLOCK_COLUMNS)} FROM blocks WHERE key IN ({marks})"
        f" UNION ALL SELECT 'record', {rows.padded(ledger_rows.COLUMNS)}"
        f" FROM records WHERE {ledger_rows.is_one_of(refs)}"
    )


def _page(
    connection: sqlite3.Connection, query: SessionQuery, now: datetime, limit: int, after: Position | None
) -> Page:
    found: list[Session] = []
    unreadable: list[str] = []
    statement, arguments = rows.newest_first(query, after)
    for row in connection.execute(statement, arguments):
        try:
            session = rows.read_session(row)
        except (ValueError, TypeError):
            unreadable.append(str(row[0]))
            continue
        if matches(query, session, now):
            found.append(session)
        if len(found) > limit:
            break
    return page_of(query, found, limit, unreadable)
