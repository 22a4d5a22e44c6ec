"""Audit events as JSON Lines on this machine's disk: one write and one fsync for all who wait together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sentinel_server.adapters.local.log_opening import Habits
from sentinel_server.adapters.local.logfile import LogFile
from sentinel_server.adapters.local.threads import one_thread
from sentinel_server.auditlog.chain import CHECKPOINT_EVERY, Head
from sentinel_server.auditlog.event import AuditEvent, to_fields
from sentinel_server.canonical import Json
from sentinel_server.clock import Clock, Ids
from sentinel_server.errors import AuditUnavailable
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.auditlog.signing import HeadSigning

QUEUE_LIMIT = 10_000
"""Records that may be waiting before one that need not be durable has to wait too."""
LEAVING = 1.0
"""Seconds that a log nobody waits for has in the end."""
FILE_LIMIT = 16 * 1024 * 1024
"""Bytes after which the log goes on in another file."""


@frozen
class _Record:
    """Events that came together, as they are written, and who waits for them; nobody when `done` is None."""

    events: Sequence[Mapping[str, Json]]
    durable: bool
    done: asyncio.Future[None] | None = None


class Lines(Protocol):
    """Where events go as lines; blocking, and used by one thread."""

    def append(self, events: Sequence[Mapping[str, Json]], durable: bool) -> Head | None:
        """Write the events, all or none; the last line, if it can be signed.

        Raises AuditUnavailable, and then none of them was written.
        """
        ...

    def close(self) -> None:
        """Write what ends the lines. Raises AuditUnavailable."""
        ...


class QueuedAudit:
    """An AuditSink over `lines`. Events keep their order.

    With `waits` false nobody ever waits for a line, and one that finds the queue full is refused.
    While writing fails, every record is refused with AuditUnavailable, also one that need not be durable;
    each tries again. Events that had been taken before are kept and written first once it works.
    """

    def __init__(self, lines: Lines, *, waits: bool = True, signing: HeadSigning | None = None) -> None:
        self._waits = waits
        self._signing = signing
        if signing is not None:
            signing.bind(self._add)
        self._file = lines
        self._thread = one_thread("sentinel-audit")
        self._queue: list[_Record] = []
        self._kept: list[_Record] = []
        self._writing: asyncio.Task[None] | None = None
        self._failing = False
        self._closed = False

    @property
    def writing(self) -> bool:
        """Whether there are lines on their way."""
        return self._writing is not None and not self._writing.done()

    async def record(self, *events: AuditEvent, durable: bool = True) -> None:
        """Write the events; see AuditSink. Raises AuditUnavailable, and then none of them was written."""
        if self._closed:
            raise AuditUnavailable("the audit log is closed")
        full = len(self._queue) >= QUEUE_LIMIT
        if full and not self._waits:
            raise AuditUnavailable("the audit log takes lines too slowly")
        waits = self._waits and (durable or self._failing or full)
        done = asyncio.get_running_loop().create_future() if waits else None
        self._take(_Record(events=[to_fields(event) for event in events], durable=durable, done=done))
        if done is not None:
            await done

    async def close(self) -> None:
        """Write what is pending, seal the file as complete and let go of it."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(None if self._waits else LEAVING):
                await self._written()
                if self._signing is not None:
                    await self._signing.finish()
                    await self._written()
                await self._finish()
        except TimeoutError:
            raise AuditUnavailable("the audit log takes lines too slowly") from None
        finally:
            self._thread.shutdown(wait=False)

    def _add(self, fields: Mapping[str, Json]) -> None:
        """Write a line of our own, also in the end; nobody waits for it."""
        self._take(_Record(events=[fields], durable=False))

    def _take(self, record: _Record) -> None:
        self._queue.append(record)
        if not self.writing:
            self._writing = asyncio.create_task(self._drain())

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing

    async def _drain(self) -> None:
        while self._queue:
            batch = [*self._kept, *self._queue]
            self._queue, self._kept = [], []
            await self._write(batch)

    async def _write(self, batch: Sequence[_Record]) -> None:
        try:
            await self._append(batch)
        except Exception as error:  # whatever it is, nobody may wait for ever or take it for a yes
            self._failing = True
            self._kept = [record for record in batch if record.done is None]
            for done in _waiting(batch):
                done.set_exception(_refusal(error))
        else:
            self._failing = False
            for done in _waiting(batch):
                done.set_result(None)

    async def _append(self, batch: Sequence[_Record]) -> None:
        events = [event for record in batch for event in record.events]
        durable = any(record.durable for record in batch)
        loop = asyncio.get_running_loop()
        head = await loop.run_in_executor(self._thread, self._file.append, events, durable)
        if self._signing is not None and head is not None:
            self._signing.wrote(head, events)

    async def _finish(self) -> None:
        try:
            if self._kept:
                await self._append(self._kept)
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)


class JsonlAudit(QueuedAudit):
    """The log on this machine's disk. A process has one chain, which it takes when it first records."""

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        ids: Ids,
        every: int = CHECKPOINT_EVERY,
        limit: int = FILE_LIMIT,
        fsync: Callable[[int], None] = os.fsync,
        key_file: Path | None = None,
        signing: HeadSigning | None = None,
    ) -> None:
        habits = Habits(every=every, limit=limit, fsync=fsync)
        file = LogFile(directory, clock=clock, ids=ids, habits=habits, key_file=key_file)
        super().__init__(file, signing=signing)


def _refusal(error: Exception) -> AuditUnavailable:
    """One for each who waits, so that their tracebacks do not mix."""
    if isinstance(error, AuditUnavailable):
        return AuditUnavailable(error.message, hint=error.hint)
    return AuditUnavailable(f"the audit log failed: {type(error).__name__}")


def _waiting(batch: Sequence[_Record]) -> list[asyncio.Future[None]]:
    """Those who still wait; a caller that was cancelled no longer does."""
    return [record.done for record in batch if record.done is not None and not record.done.done()]
