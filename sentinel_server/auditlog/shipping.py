"""Sends the log to where its owner cannot change it, from the files and never in the way of a fetch.

What is sent are the very lines of the files, so a place that has them can be verified as the files can. How
far each file has been sent is remembered (the cursor), so whatever a process leaves is sent by the next one:
at least once, and twice where a process died between the sending and the remembering.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.auditlog.event import AuditEvent
from sentinel_server.auditlog.files import LogFiles
from sentinel_server.auditlog.query import read_entry
from sentinel_server.auditlog.sink import AuditSink
from sentinel_server.clock import Clock
from sentinel_server.errors import AuditUnavailable, SentinelError
from sentinel_server.frozen import frozen

EVERY = 2.0
"""Seconds between two looks at the files, which others write to, too; a new line waits a tenth of that."""
LONGEST = 60.0
"""Seconds between two tries, at most."""


@frozen
class Limits:
    """What a place takes at once: lines, and bytes where each line costs `overhead` more than its own."""

    lines: int
    size: int
    overhead: int = 0


@frozen
class Batch:
    """Lines of one file, in order and without their ends; `end` is the byte after the last of them."""

    file: str
    lines: tuple[bytes, ...]
    end: int


class Outlet(Protocol):
    """A place that lines are sent to."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def limits(self) -> Limits:
        """What it takes at once."""
        ...

    async def send(self, batch: Batch) -> None:
        """Return when the place has the lines. Raises SentinelError, and then they are sent again."""
        ...


class Cursor(Protocol):
    """Remembers how far the files have been sent to one place, over processes."""

    def claim(self) -> bool:
        """Whether it is for us to send, from now until `release`; one process at a time does."""
        ...

    def release(self) -> None:
        """Let another process send."""
        ...

    def load(self) -> dict[str, int]:
        """The byte up to which each file has been sent. Raises AuditUnavailable."""
        ...

    def save(self, sent: Mapping[str, int]) -> None:
        """Remember that. Raises AuditUnavailable."""
        ...


class Shipper:
    """Sends what the files have to one place. `note` is told when that stops working and when it works again.

    `chance` gives numbers from 0 to 1, so that those who failed together do not try again together.
    """

    def __init__(
        self,
        files: LogFiles,
        outlet: Outlet,
        cursor: Cursor,
        *,
        note: Callable[[str], None],
        chance: Callable[[], float],
        every: float = EVERY,
    ) -> None:
        self._files = files
        self._outlet = outlet
        self._cursor = cursor
        self._note = note
        self._chance = chance
        self._every = every
        self._news = asyncio.Event()
        self.failures = 0
        self._sending = asyncio.Lock()

    @property
    def name(self) -> str:
        """What people call the place."""
        return self._outlet.name

    def nudge(self) -> None:
        """Say that there is something new."""
        self._news.set()

    async def run(self) -> None:
        """Send what is there and what comes, for ever; ends only by being cancelled."""
        while True:
            try:
                await self.ship()
            except SentinelError as error:
                self._failed(error)
            else:
                self._worked()
            await self._pause()

    async def ship(self) -> int:
        """Send all that is there now, unless another process is at it; how many lines that were.

        Raises SentinelError for the first that could not be sent; those before it are sent and remembered.
        """
        async with self._sending:
            if not self._cursor.claim():
                return 0
            sent, count = self._cursor.load(), 0
            names = await asyncio.to_thread(self._files.names)
            for name in names:
                while batch := await asyncio.to_thread(self._batch, name, sent.get(name, 0)):
                    await self._outlet.send(batch)
                    sent[name] = batch.end
                    count += len(batch.lines)
                    self._cursor.save({each: sent[each] for each in names if each in sent})
            return count

    def oldest(self) -> datetime | None:
        """When the oldest line that has not been sent was written; None when all have been.

        Raises AuditUnavailable.
        """
        sent = self._cursor.load()
        found = [self._first(name, sent.get(name, 0)) for name in self._files.names()]
        return min((at for at in found if at is not None), default=None)

    async def close(self, patience: timedelta) -> None:
        """Send what is left, for as long as `patience`, and let another process go on."""
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await self.ship()
        except (TimeoutError, SentinelError) as error:
            why = error.message if isinstance(error, SentinelError) else "it takes too long"
            self._note(f"the audit log is not all in {self.name} yet: {why}; later: sentinel audit ship")
        finally:
            self._cursor.release()

    def release(self) -> None:
        """Let another process send."""
        self._cursor.release()

    def _batch(self, name: str, start: int) -> Batch | None:
        limits, size, end = self._outlet.limits, 0, start
        lines: list[bytes] = []
        for line, after in self._files.lines(name, start):
            size += len(line) + limits.overhead
            if lines and (len(lines) == limits.lines or size > limits.size):
                break
            lines.append(line)
            end = after
        return Batch(file=name, lines=tuple(lines), end=end) if lines else None

    def _first(self, name: str, start: int) -> datetime | None:
        line = next((line for line, _ in self._files.lines(name, start)), None)
        entry = None if line is None else read_entry(line)
        with suppress(ValueError):
            return None if entry is None else datetime.fromisoformat(str(entry["at"]))
        return None

    async def _pause(self) -> None:
        wait = min(LONGEST, self._every * 2 ** min(self.failures, 10))
        if self.failures:
            await asyncio.sleep(wait * (0.5 + self._chance() / 2))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._news.wait()
                self._news.clear()
                await asyncio.sleep(self._every / 10)

    def _failed(self, error: SentinelError) -> None:
        self.failures += 1
        if self.failures == 1:
            self._note(
                f"the audit log does not reach {self.name}: {error.message}; it is kept, and sent later"
            )

    def _worked(self) -> None:
        if self.failures:
            self._note(f"the audit log reaches {self.name} again")
        self.failures = 0


class Nudging:
    """An AuditSink over another that tells shippers when there is something new."""

    def __init__(self, inner: AuditSink, shippers: tuple[Shipper, ...]) -> None:
        self._inner = inner
        self._shippers = shippers

    async def record(self, *events: AuditEvent, durable: bool = True) -> None:
        """Record, then say so."""
        await self._inner.record(*events, durable=durable)
        for shipper in self._shippers:
            shipper.nudge()

    async def close(self) -> None:
        """Close the other one."""
        await self._inner.close()


class LagGuard:
    """An AuditSink that keeps nothing and refuses while a place is too far behind.

    Before it refuses it sees whether what is missing can be sent within `patience`. It looks at most once a
    second, because every answer passes here.
    """

    def __init__(
        self,
        shipper: Shipper,
        clock: Clock,
        limit: timedelta,
        *,
        patience: timedelta = timedelta(milliseconds=400),
    ) -> None:
        self._shipper = shipper
        self._clock = clock
        self._limit = limit
        self._patience = patience
        self._fine_until = 0.0

    async def record(self, *events: AuditEvent, durable: bool = True) -> None:
        """Raises AuditUnavailable when lines older than the limit have not been sent."""
        if self._clock.monotonic() < self._fine_until:
            return
        if await self._behind() is not None:
            with suppress(TimeoutError, SentinelError):
                async with asyncio.timeout(self._patience.total_seconds()):
                    await self._shipper.ship()
            behind = await self._behind()
            if behind is not None:
                raise AuditUnavailable(
                    f"{self._shipper.name} has not taken the audit log for {int(behind.total_seconds())} s",
                    hint="see why: sentinel audit ship",
                )
        self._fine_until = self._clock.monotonic() + 1.0

    async def close(self) -> None:
        """Nothing is held."""

    async def _behind(self) -> timedelta | None:
        oldest = await asyncio.to_thread(self._shipper.oldest)
        lag = timedelta(0) if oldest is None else self._clock.now() - oldest
        return lag if lag > self._limit else None
