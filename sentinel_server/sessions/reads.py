"""Reads of the session store shared by the fetches of one server, never older than the fetch that uses one.

A fetch may use any read that began after the fetch arrived. Up to four reads overlap; a new one begins at
once when none is under way or one has finished, and else at most 25 ms after its first waiter. A fetch that
has no answer 700 ms after it arrived fails: StoreUnavailable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sentinel_server.errors import SentinelError, StoreUnavailable
from sentinel_server.sessions.model import BlockKey, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """How reads are shared: `budget` and `gather` in seconds, `overlap` reads at a time."""

    budget: float = 0.7
    gather: float = 0.025
    overlap: int = 4


class StandingReader(Protocol):
    """The part of a SessionStore that is shared here."""

    async def standing(self, session_id: str | None, keys: Sequence[BlockKey]) -> Standing:
        """One consistent read."""
        ...


_DEFAULT = ReadLimits()


class FreshReads:
    """Shares reads of one session's standing among all who ask at about the same time.

    All callers share the reads of the same id and keys; one instance serves one server session.
    """

    def __init__(self, store: StandingReader, limits: ReadLimits = _DEFAULT) -> None:
        self._store = store
        self._limits = limits
        self._groups: dict[tuple[str | None, tuple[BlockKey, ...]], _Group] = {}
        self._closed = False

    async def standing(self, session_id: str | None, keys: Sequence[BlockKey]) -> Standing:
        """The standing, from a read that began after this call. Raises StoreUnavailable and its like."""
        if self._closed:
            raise StoreUnavailable("the session's reads have been closed")
        about = (session_id, tuple(keys))
        group = self._groups.get(about)
        if group is None:
            group = self._groups[about] = _Group(self._store, about[0], about[1], self._limits)
        return await group.standing()

    async def close(self) -> None:
        """Cancel the reads under way; whoever still waits gets StoreUnavailable."""
        self._closed = True
        for group in self._groups.values():
            await group.close()
        self._groups.clear()


class _Group:
    """The waiters and reads of one id and one set of keys."""

    def __init__(
        self, store: StandingReader, session_id: str | None, keys: tuple[BlockKey, ...], limits: ReadLimits
    ) -> None:
        self._store = store
        self._session_id = session_id
        self._keys = keys
        self._limits = limits
        self._waiting: list[asyncio.Future[Standing]] = []
        self._reads: dict[asyncio.Task[None], list[asyncio.Future[Standing]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def standing(self) -> Standing:
        answer: asyncio.Future[Standing] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if not self._reads:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._limits.gather, self._begin)
        try:
            async with asyncio.timeout(self._limits.budget):
                return await answer
        except TimeoutError:
            within = f"{self._limits.budget * 1000:.0f} ms"
            raise StoreUnavailable(f"the session store did not answer within {within}") from None

    def _begin(self) -> None:
        """Begin a read for all who wait now, unless nobody does or too many are under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting = [answer for answer in self._waiting if not answer.done()]
        if not self._waiting or len(self._reads) >= self._limits.overlap:
            return
        served, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._read(served))
        self._reads[task] = served
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        served = self._reads.pop(task)
        if task.cancelled():
            _fail(served, StoreUnavailable("the session's reads have been closed"))
        elif (error := task.exception()) is not None:
            _fail(served, error)
        self._begin()

    async def _read(self, served: list[asyncio.Future[Standing]]) -> None:
        try:
            async with asyncio.timeout(self._limits.budget):  # all its waiters have given up by then
                standing = await self._store.standing(self._session_id, self._keys)
        except TimeoutError as error:
            raise StoreUnavailable("the session store did not answer in time") from error
        for answer in served:
            if not answer.done():
                answer.set_result(standing)

    async def close(self) -> None:
        waiting, self._waiting = self._waiting, []
        _fail(waiting, StoreUnavailable("the session's reads have been closed"))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        reads = tuple(self._reads)
        for task in reads:
            task.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


def _fail(served: list[asyncio.Future[Standing]], error: BaseException) -> None:
    """Each waiter gets an exception of its own, because raising one writes into it."""
    for answer in served:
        if not answer.done():
            answer.set_exception(_copied(error))


def _copied(error: BaseException) -> BaseException:
    if not isinstance(error, SentinelError):
        return error
    copy = type(error)(error.message, hint=error.hint)
    copy.__cause__ = error
    return copy
