"""The audit log of this process: private, append-only, never half a line followed by another.

Blocking; `jsonl` gives it a thread. Nothing is made before the first event comes, so a command that records
nothing leaves nothing. A process goes on with the chain that another has left, and leaves it for the next.
A batch that cannot be written whole is taken back; where even that fails, or the disk says that it may have
lost what it took, the file is left alone and the next batch begins another chain.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from sentinel_server.adapters.local.log_directory import audit_errors, load_key, private_directory
from sentinel_server.adapters.local.log_opening import Habits, Opener, OpenFile, finishing, write_all
from sentinel_server.adapters.local.log_slots import Slot, take_slot
from sentinel_server.auditlog.chain import Chain, Head, file_name, finished, key_file_of, resting
from sentinel_server.canonical import Json
from sentinel_server.clock import Clock, Ids

if sys.platform != "win32":
    import fcntl


class LogFile:
    """Appends events. Rotates when the file is full and when the day (in UTC) is another.

    The key is in `key_file`, made on first use; without one beside the directory.
    """

    def __init__(
        self, directory: Path, *, clock: Clock, ids: Ids, habits: Habits, key_file: Path | None = None
    ) -> None:
        self._directory = directory
        self._key_file = key_file or key_file_of(directory)
        self._clock = clock
        self._ids = ids
        self._habits = habits
        self._file: OpenFile | None = None
        self._slot: Slot | None = None
        self._following = True
        self._finished: OpenFile | None = None

    def append(self, events: Sequence[Mapping[str, Json]], durable: bool) -> Head:
        """Write the events, all or none, and tell the last line; with `durable`, they are on the disk.

        Raises AuditUnavailable, and then none of them is in the file.
        """
        with audit_errors(self._directory):
            file = self._current()
            lines, chain = self._lines(file, events)
            self._write(file, lines, durable)
            file.chain = chain
            return file.head()

    def close(self) -> None:
        """Leave the chain for the next process; raises AuditUnavailable when that cannot be written."""
        file, self._finished = self._file, None
        if file is None:
            self._release()
            return
        with audit_errors(self._directory):
            try:
                last = finished() if self._slot is None else resting(file.every)
                line, _ = file.chain.checkpoint(self._clock.now(), file.key, **last)
                self._write(file, line, durable=True)
            finally:
                self._abandon()
                self._release()

    def _current(self) -> OpenFile:
        if self._file is not None and not self._file.ours():
            self._abandon()
        if self._file is not None and self._file.due(self._clock.now(), self._habits):
            self._finish(self._file)
        if self._file is None:
            self._file = self._open()
            self._following, self._finished = False, None
            if self._slot is not None:
                self._slot.point(self._file.path.name)
        return self._file

    def _finish(self, file: OpenFile) -> None:
        """Say in the file where it goes on. From here on a kill loses nothing: others begin what is named."""
        line, last = finishing(file, self._clock.now(), file.next_name(self._clock.now()))
        self._write(file, line, durable=True)
        self._abandon()
        self._finished = last

    def _open(self) -> OpenFile:
        private_directory(self._directory)
        now = self._clock.now()
        opener = Opener(directory=self._directory, key=load_key(self._key_file), habits=self._habits)
        left = self._left(opener, now)
        if left is not None:
            return left
        if self._finished is not None:
            return opener.follow(self._finished, now)
        writer = self._ids.fresh()
        return opener.begin(file_name(now, writer), Chain(writer=writer), now)

    def _left(self, opener: Opener, now: datetime) -> OpenFile | None:
        """What another process has left for us; finished at once when it is of another day or full."""
        if not self._following:
            return None
        self._slot = self._slot or take_slot(self._directory)
        left = None if self._slot is None else opener.go_on(self._slot.current(), now)
        if left is None or not left.due(now, self._habits):
            return left
        self._following, self._file = False, left
        self._finish(left)
        return None

    def _lines(self, file: OpenFile, events: Sequence[Mapping[str, Json]]) -> tuple[bytes, Chain]:
        lines: list[bytes] = []
        chain = file.chain
        for event in events:
            line, chain = chain.event(event)
            lines.append(line)
            if chain.unsealed >= file.every:
                line, chain = chain.checkpoint(self._clock.now(), file.key)
                lines.append(line)
        return b"".join(lines), chain

    def _write(self, file: OpenFile, data: bytes, durable: bool) -> None:
        with _locked(file.descriptor):
            try:
                write_all(file.descriptor, data)
            except OSError:
                self._take_back(file)
                raise
            if durable:
                self._sync(file)
            file.size += len(data)

    def _sync(self, file: OpenFile) -> None:
        """After a failed fsync nobody knows what the disk holds, and a second one would claim success."""
        try:
            self._habits.fsync(file.descriptor)
        except OSError:
            self._take_back(file)
            self._abandon()
            if self._slot is not None:
                self._slot.point("")
            raise

    def _take_back(self, file: OpenFile) -> None:
        try:
            os.ftruncate(file.descriptor, file.size)
        except OSError:
            self._abandon()

    def _abandon(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                os.close(self._file.descriptor)
            self._file = None

    def _release(self) -> None:
        if self._slot is not None:
            self._slot.release()
            self._slot = None


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
