"""How a log file comes to be open: taken up where a writer left it, gone on with in a new one, or begun.

A file is taken up only when its last line is a rest that our key has sealed, so that nobody without the key
can have anything sealed. A new file gets its name only when its first line is on the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sentinel_server.adapters.local.log_directory import heads, last_line, sync_directory
from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.auditlog.chain import (
    FILE_NAME,
    Chain,
    Head,
    SealKey,
    day_of,
    file_name,
    finished,
)
from sentinel_server.auditlog.lines import Line
from sentinel_server.frozen import frozen

_PRIVATE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NEW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_TRUNC | _PRIVATE
_AGAIN = os.O_RDWR | os.O_APPEND | getattr(os, "O_NONBLOCK", 0) | _PRIVATE
_PIECES = 10_000
"""Files of one chain that are looked through for its end."""


@frozen
class Habits:
    """How files are written: lines between two seals, bytes of a file, and the system's `fsync`."""

    every: int
    limit: int
    fsync: Callable[[int], None]


@dataclass(slots=True, kw_only=True)
class OpenFile:
    """A file in use: what is known to be in it whole, and the chain after that."""

    path: Path
    descriptor: int
    chain: Chain
    key: SealKey
    every: int
    size: int = 0
    next: str | None = None

    def due(self, now: datetime, habits: Habits) -> bool:
        """Whether the next line belongs into another file: it is full, or of an earlier day."""
        return self.size >= habits.limit or self.path.name[:8] < day_of(now)

    def ours(self) -> bool:
        """Whether the file still has its name and nobody else has written to it.

        What is written to a removed file is lost, and a line after one we do not know breaks the chain.
        """
        try:
            found = os.fstat(self.descriptor)
            return found.st_size == self.size and os.path.samestat(found, self.path.lstat())
        except FileNotFoundError:
            return False

    def next_name(self, now: datetime) -> str:
        """The name of the file that this one goes on in."""
        return file_name(now, self.chain.writer, after=self.path.name)

    def head(self) -> Head:
        """The last line."""
        return Head(file=self.path.name, seq=self.chain.seq - 1, hash=self.chain.head)


@frozen
class Opener:
    """Opens the files of one process in `directory`, sealed with `key`."""

    directory: Path
    key: SealKey
    habits: Habits

    def begin(self, name: str, chain: Chain, now: datetime, after: Head | None = None) -> OpenFile:
        """A new file with its first line on the disk, or none at all. Raises OSError."""
        every = self.habits.every
        line, chain = chain.opened(now, heads(self.directory), self.key, every=every, after=after)
        draft, path = self.directory / f".begun-{chain.writer}", self.directory / name
        descriptor = os.open(draft, _NEW, 0o600)
        try:
            write_all(descriptor, line)
            self.habits.fsync(descriptor)
            if os.path.lexists(path):
                raise FileExistsError(17, "a file of that name is there already", str(path))
            draft.rename(path)
            sync_directory(self.directory)
        except OSError:
            with suppress(OSError):
                os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        return OpenFile(
            path=path, descriptor=descriptor, chain=chain, key=self.key, every=every, size=len(line)
        )

    def go_on(self, name: str | None, now: datetime) -> OpenFile | None:
        """The end of the chain that the file `name` is of, ready for more; None when it is not to be had.

        Where its writer was killed between two files, the second one is begun now.
        """
        for _ in range(_PIECES):
            file = self._reopened(name)
            if file is None or file[1].rests:
                return None if file is None else file[0]
            left, line = file
            os.close(left.descriptor)
            name = line.next
            if name is not None and not os.path.lexists(self.directory / name):
                return self.begin(name, left.chain, now, after=left.head())
        return None

    def follow(self, last: OpenFile, now: datetime) -> OpenFile:
        """The file that a finished one goes on in. Raises OSError."""
        return self.begin(last.next or last.next_name(now), last.chain, now, after=last.head())

    def _reopened(self, name: str | None) -> tuple[OpenFile, Line] | None:
        """The file and its last line, when that is a genuine end of its writer's."""
        if name is None:
            return None
        try:
            descriptor = os.open(self.directory / name, _AGAIN)
        except OSError:
            return None
        found = os.fstat(descriptor)
        line = last_line(descriptor, found.st_size) if _private(found) else None
        if line is None or not self._genuine(name, line):
            os.close(descriptor)
            return None
        file = OpenFile(
            path=self.directory / name,
            descriptor=descriptor,
            chain=Chain(writer=line.writer, seq=line.seq + 1, head=line.hash),
            key=self.key,
            every=min(self.habits.every, line.every or self.habits.every),
            size=found.st_size,
        )
        return file, line

    def _genuine(self, name: str, line: Line) -> bool:
        named, mac = FILE_NAME.fullmatch(name), line.fields.get("mac")
        return (
            (line.final or (line.rests and line.every is not None))
            and named is not None
            and named["writer"] == line.writer
            and line.fields.get("key") == self.key.id
            and isinstance(mac, str)
            and self.key.vouches(line.fields, mac)
        )


def finishing(file: OpenFile, now: datetime, next_file: str) -> tuple[bytes, OpenFile]:
    """The last line of a file, and the file as it is once that is written."""
    line, chain = file.chain.checkpoint(now, file.key, **finished(next_file))
    return line, replace(file, chain=chain, next=next_file)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, or raise OSError when some may be written and some not."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _private(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and not why_not_ours(found)
