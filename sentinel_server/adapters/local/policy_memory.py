"""What this machine remembers of policies: the highest serial of each, and the versions of those in files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sentinel_server.adapters.local.sqlite_file import SqliteFile
from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.errors import PolicyUnavailable, StoreUnavailable
from sentinel_server.policy.stored import Revision

T = TypeVar("T")

_SCHEMA = (
    "CREATE TABLE serials (key TEXT PRIMARY KEY, serial INTEGER NOT NULL) STRICT;"
    "CREATE TABLE revisions (path TEXT NOT NULL, version INTEGER NOT NULL, at TEXT NOT NULL, "
    "author TEXT NOT NULL, data BLOB NOT NULL, envelope BLOB, PRIMARY KEY (path, version)) STRICT",
)


class PolicyMemory:
    """A SerialMemory, and the book of versions of a file store, in one SQLite file of the state directory."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    async def highest(self, key: str) -> int:
        """The highest serial for `key`, 0 when there is none. Raises PolicyUnavailable."""
        with _errors():
            found = await self._file.read(
                lambda db: db.execute("SELECT serial FROM serials WHERE key = ?", (key,)).fetchone()
            )
        return 0 if found is None else int(found[0])

    async def saw(self, key: str, serial: int) -> None:
        """Remember `serial` unless a higher one is remembered. Raises PolicyUnavailable."""
        with _errors():
            await self._file.write(
                lambda db: db.execute(
                    "INSERT INTO serials VALUES (?, ?) "
                    "ON CONFLICT (key) DO UPDATE SET serial = max(serial, excluded.serial)",
                    (key, serial),
                )
            )

    async def revisions(self, path: Path) -> tuple[Revision, ...]:
        """The versions of a file, newest first."""
        with _errors():
            return await self._file.read(lambda db: Book(db, str(path)).all())

    async def newest(self, path: Path) -> Revision | None:
        """The last version of a file that was written down."""
        with _errors():
            return await self._file.read(lambda db: Book(db, str(path)).newest())

    async def locked(self, path: Path, work: Callable[[Book], T]) -> T:
        """What `work` returns, run while no other process runs any; what it wrote goes when it raises."""
        with _errors():
            return await self._file.write(lambda db: work(Book(db, str(path))))

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()


@dataclass(frozen=True, slots=True)
class Book:
    """The versions of one file, within one transaction."""

    db: sqlite3.Connection
    path: str

    def all(self) -> tuple[Revision, ...]:
        """All of them, newest first."""
        return self._newest(-1)

    def newest(self) -> Revision | None:
        """The last one that was written down."""
        return next(iter(self._newest(1)), None)

    def add(self, revision: Revision) -> None:
        """Write one down."""
        self.db.execute(
            "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)",
            (
                self.path,
                revision.version,
                sortable(revision.at),
                revision.author,
                revision.data,
                revision.envelope,
            ),
        )

    def _newest(self, count: int) -> tuple[Revision, ...]:
        rows = self.db.execute(
            "SELECT version, at, author, data, envelope FROM revisions WHERE path = ? "
            "ORDER BY version DESC LIMIT ?",
            (self.path, count),
        ).fetchall()
        return tuple(
            Revision(version=version, at=parse_sortable(at), author=author, data=data, envelope=envelope)
            for version, at, author, data, envelope in rows
        )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        what = f"what this machine remembers of policies cannot be used: {error.message}"
        raise PolicyUnavailable(what, hint=error.hint) from error
