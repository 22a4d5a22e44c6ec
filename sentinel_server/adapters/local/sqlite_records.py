"""The ledgers of one machine, in the SQLite file of its sessions."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentinel_server.adapters.local import sqlite_record_rows as rows
from sentinel_server.adapters.local.sqlite_file import WRITE_WAIT, SqliteFile
from sentinel_server.adapters.local.sqlite_forgetting import forget
from sentinel_server.adapters.local.sqlite_schema import SCHEMA
from sentinel_server.clock import Clock, SystemClock
from sentinel_server.records.model import Change, Found, Ref, Row, Search
from sentinel_server.records.rules import applied, checked_changes, checked_page, checked_refs, page_of


class SqliteRecords:
    """Records in the file at `path`, made when it is first used, with its directory.

    A write waits at most `write_wait` seconds for the writers of other processes. What may be forgotten by
    `clock`, the system's unless given, is in time.
    """

    def __init__(self, path: Path, *, write_wait: float = WRITE_WAIT, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._where = f"sqlite://{path.as_posix()}"
        self._file = SqliteFile(path, SCHEMA, write_wait=write_wait)

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows found under `refs`, from one statement."""
        asked = checked_refs(refs)
        return await self._file.read(lambda connection: self._rows(connection, asked))

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make all changes in one transaction, begun by taking the lock of all writers. Some of what may be
        forgotten goes with it.
        """
        checked_changes(changes)
        return not changes or await self._file.write(lambda connection: self._commit(connection, changes))

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """One page of a search."""
        after = checked_page(search, limit, token)
        statement, arguments = rows.search_statement(search, after, limit)
        found = await self._file.read(lambda connection: connection.execute(statement, arguments).fetchall())
        return page_of(search, tuple(rows.read_all(found, self._where).values()), limit)

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()

    def _rows(self, connection: sqlite3.Connection, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        found = connection.execute(rows.select(len(refs)), rows.places(refs)).fetchall()
        return rows.read_all(found, self._where)

    def _commit(self, connection: sqlite3.Connection, changes: Sequence[Change]) -> bool:
        old = self._rows(connection, [change.ref for change in changes])
        new = [applied(old.get(change.ref), change) for change in changes]
        made = [row for row in new if row is not None]
        if len(made) < len(changes):
            return False
        for row in made:
            before, after = rows.findable(old.get(row.ref)), rows.findable(row)
            connection.execute(rows.UPSERT, rows.columns_of(row))
            connection.executemany(rows.DROP_VALUE, before - after)
            connection.executemany(rows.ADD_VALUE, after - before)
        forget(connection, self._clock.now())
        return True
