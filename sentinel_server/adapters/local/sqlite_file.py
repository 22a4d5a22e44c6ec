"""One SQLite file as a database of ours: private, in WAL mode, one thread that reads and one that writes.

A read that begins after a write has returned sees it, from this process and from any other. A write that has
returned survives a loss of power (`synchronous=FULL`). Everything that goes wrong is StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.adapters.local.threads import one_thread
from sentinel_server.errors import BadInput, StoreUnavailable
from sentinel_server.workers import Workers

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

READ_WAIT = 0.4
"""Seconds a read waits for a lock; it has to leave time for an answer within a fetch."""

WRITE_WAIT = 5.0
"""Seconds a write waits for the writers of other processes."""


class SqliteFile:
    """A database file, opened when it is first used. `schema` holds the statements for version 1, 2, …

    Raises StoreUnavailable from every method but `close`.
    """

    def __init__(self, path: Path, schema: tuple[str, ...], *, write_wait: float = WRITE_WAIT) -> None:
        self._path = path
        self._schema = schema
        self._reader = _Thread(Workers("sentinel-read"), lambda: self._open(READ_WAIT, writing=False))
        self._writer = _Thread(_Writing("sentinel-write"), lambda: self._open(write_wait, writing=True))
        self._identity: tuple[int, int] | None = None

    async def read(self, work: Work[T]) -> T:
        """What `work` finds; it may run only one statement that reads, which sees one state of the file."""
        return await self._reader.run(lambda connection: self._reading(connection, work))

    async def write(self, work: Work[T]) -> T:
        """What `work` returns, after all it wrote is on disk; nothing is written when it raises."""
        return await self._writer.run(lambda connection: self._writing(connection, work))

    async def close(self) -> None:
        """Close both connections and end both threads."""
        await self._reader.close()
        await self._writer.close()

    def _reading(self, connection: sqlite3.Connection, work: Work[T]) -> T:
        with self._errors("reading"):
            self._check_still_there()
            return work(connection)

    def _writing(self, connection: sqlite3.Connection, work: Work[T]) -> T:
        with self._errors("writing"):
            self._check_still_there()
            with _transaction(connection):
                return work(connection)

    def _open(self, wait: float, *, writing: bool) -> sqlite3.Connection:
        with self._errors("opening"):
            status = make_private(self._path)
            self._identity = self._identity or (status.st_dev, status.st_ino)
            connection = sqlite3.connect(
                self._path, timeout=wait, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection, writing=writing)
            except BaseException:
                connection.close()
                raise
            return connection

    def _prepare(self, connection: sqlite3.Connection, *, writing: bool) -> None:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if self._version(connection) < len(self._schema):
            with _transaction(connection):
                for number, statements in enumerate(self._schema, 1):
                    if self._version(connection) < number:
                        for statement in statements.split(";"):
                            connection.execute(statement)
                        connection.execute(f"PRAGMA user_version = {number}")
        if not writing:
            connection.execute("PRAGMA query_only = ON")

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(self._schema):
            raise StoreUnavailable(
                f"{self._path} was written by a newer sentinel (schema {version}, known {len(self._schema)})",
                hint="upgrade Sentinel on this machine",
            )
        return version

    def _check_still_there(self) -> None:
        """A file moved aside would go on answering through the open handle, blind to later revocations."""
        found = os.stat(self._path)
        if (found.st_dev, found.st_ino) != self._identity:
            raise StoreUnavailable(f"{self._path} has been replaced under a running program")

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{doing} {self._path}: {error}", hint=_hint(error)) from error
        except UnicodeEncodeError as error:
            raise BadInput(f"{doing} {self._path}: a text is not valid Unicode") from error
        except OSError as error:
            what = error.strerror or str(error)
            raise StoreUnavailable(f"{doing} {self._path}: {what}", hint=_DIRECTORY_HINT) from error


class _Writing:
    """As Workers, but the end of the process waits for what it has begun to write."""

    def __init__(self, name: str) -> None:
        self._executor = one_thread(name)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        self._executor.shutdown(wait=False)


class _Thread:
    """One thread with one connection, which it opens when first needed and again after a failure to open."""

    def __init__(
        self, workers: Workers | _Writing, open_connection: Callable[[], sqlite3.Connection]
    ) -> None:
        self._workers = workers
        self._open = open_connection
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    async def run(self, work: Work[T]) -> T:
        if self._closed:
            raise StoreUnavailable("the session store is closed")
        try:
            begun = self._workers.run(lambda: self._work(work))
        except RuntimeError as error:  # there is no thread to be had
            raise StoreUnavailable(f"reading or writing the store: {error}") from error
        return await begun

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            with suppress(RuntimeError):  # without a thread there is no connection either
                await self._workers.run(self._disconnect)
            self._workers.close()

    def _work(self, work: Work[T]) -> T:
        if self._connection is None:
            self._connection = self._open()
        return work(self._connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def make_private(path: Path) -> os.stat_result:
    """Create the file (0600) and its directory (0700) when they are not there; returns the file's status.

    Raises StoreUnavailable when either is a symbolic link, somebody else's, or one that others may write.
    On Windows only the creation happens: access there is the profile directory's.
    """
    make_directory(path.parent)
    _refuse_unless_private(path.parent, os.lstat(path.parent), stat.S_ISDIR)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600))
    status = os.lstat(path)
    _refuse_unless_private(path, status, stat.S_ISREG)
    if os.name == "posix" and status.st_mode & 0o077:
        os.chmod(path, 0o600)
    return status


def _refuse_unless_private(path: Path, status: os.stat_result, right_kind: Callable[[int], bool]) -> None:
    if not right_kind(status.st_mode):
        problem = "is a symbolic link" if stat.S_ISLNK(status.st_mode) else "is of the wrong kind"
    else:
        problem = why_not_ours(status)
    if problem:
        raise StoreUnavailable(f"{path} {problem}, so what it says cannot be trusted", hint=_DIRECTORY_HINT)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_DIRECTORY_HINT = (
    "use a directory that only you can write (chmod 700), or another store: sentinel config show"
)


def _hint(error: sqlite3.Error) -> str | None:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "free some disk space and try again"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return "move the file away; sessions in it are lost, so start them anew"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another program holds it; try again"
        case _:
            return None
