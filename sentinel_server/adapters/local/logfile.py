"""One audit log file of this process: private, append-only, never half a line followed by another.

Blocking; `jsonl` gives it a thread. It is made when the first event comes, so a command that records nothing
leaves no file. A batch that cannot be written whole is taken back; where even that fails, or the disk says
that it may have lost what it took, the file is left alone and the next batch begins another.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sentinel_server.adapters.local.log_directory import (
    audit_errors,
    heads,
    load_key,
    private_directory,
    sync_directory,
)
from sentinel_server.auditlog.chain import CHECKPOINT_EVERY, Chain, SealKey, file_name, finished, key_file_of
from sentinel_server.canonical import Json
from sentinel_server.clock import Clock, Ids

if sys.platform != "win32":
    import fcntl

_NEW = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(slots=True, kw_only=True)
class _Open:
    """The file in use: what is known to be in it whole, and the chain after that."""

    path: Path
    descriptor: int
    chain: Chain
    key: SealKey
    size: int = 0


class LogFile:
    """Appends events. `fsync` is the system's, an argument so that a disk that fails can be shown."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        ids: Ids,
        every: int = CHECKPOINT_EVERY,
        fsync: Callable[[int], None] = os.fsync,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._ids = ids
        self._every = every
        self._fsync = fsync
        self._file: _Open | None = None

    def append(self, events: Sequence[Mapping[str, Json]], durable: bool) -> None:
        """Write the events, all or none; with `durable`, they are on the disk when this returns.

        Raises AuditUnavailable, and then none of them is in the file.
        """
        with audit_errors(self._directory):
            file = self._current()
            lines, chain = self._lines(file, events)
            self._write(file, lines, durable)
            file.chain = chain

    def close(self) -> None:
        """Seal the file as complete and let go of it; raises AuditUnavailable when that cannot be written."""
        file = self._file
        if file is None:
            return
        with audit_errors(self._directory):
            try:
                line, _ = file.chain.checkpoint(self._clock.now(), file.key, **finished())
                self._write(file, line, durable=True)
            finally:
                self._abandon()

    def _current(self) -> _Open:
        if self._file is not None and not _is_at(self._file.descriptor, self._file.path):
            self._abandon()
        if self._file is None:
            self._file = self._open()
        return self._file

    def _open(self) -> _Open:
        """A new file with its opening line on disk, or none at all."""
        private_directory(self._directory)
        key = load_key(key_file_of(self._directory))
        writer, now = self._ids.fresh(), self._clock.now()
        path = self._directory / file_name(now, writer)
        line, chain = Chain(writer=writer).opened(now, heads(self._directory), key, every=self._every)
        file = _Open(path=path, descriptor=os.open(path, _NEW, 0o600), chain=chain, key=key)
        try:
            self._write(file, line, durable=True)
            sync_directory(self._directory)
        except OSError:
            with suppress(OSError):
                os.close(file.descriptor)
            path.unlink(missing_ok=True)
            raise
        return file

    def _lines(self, file: _Open, events: Sequence[Mapping[str, Json]]) -> tuple[bytes, Chain]:
        lines: list[bytes] = []
        chain = file.chain
        for event in events:
            line, chain = chain.event(event)
            lines.append(line)
            if chain.unsealed >= self._every:
                line, chain = chain.checkpoint(self._clock.now(), file.key)
                lines.append(line)
        return b"".join(lines), chain

    def _write(self, file: _Open, data: bytes, durable: bool) -> None:
        with _locked(file.descriptor):
            try:
                _write_all(file.descriptor, data)
            except OSError:
                self._take_back(file)
                raise
            if durable:
                self._sync(file)
            file.size += len(data)

    def _sync(self, file: _Open) -> None:
        """After a failed fsync nobody knows what the disk holds, and a second one would claim success."""
        try:
            self._fsync(file.descriptor)
        except OSError:
            self._take_back(file)
            self._abandon()
            raise

    def _take_back(self, file: _Open) -> None:
        try:
            os.ftruncate(file.descriptor, file.size)
        except OSError:
            self._abandon()

    def _abandon(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file.descriptor)
            self._file = None


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the open file still has its name: what is written to a removed file is lost."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Keep those who note how far this file has come from noting a batch that is then taken back.

    After a failure the lock stays until the next batch or the end of the file.
    """
    if sys.platform == "win32":
        yield
    else:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
