"""One decision for all fetches that wait at the same time, never begun before any of them arrived.

Whoever asks is answered by a round that begins after they asked, so whatever is true when they ask (a
revocation, a block, another policy) is what the round finds. Up to four rounds overlap; a new one begins at
once when none is under way or one has finished, and else at most 25 ms after its first waiter. Who has no
answer 700 ms after they asked fails: StoreUnavailable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sentinel_server.errors import SentinelError, StoreUnavailable
from sentinel_server.frozen import frozen

T = TypeVar("T")

Count = Callable[[], int]
"""How many wait for a round's answer at this moment."""


@frozen
class RoundLimits:
    """How rounds are shared: `budget` and `gather` in seconds, `overlap` rounds at a time."""

    budget: float = 0.7
    gather: float = 0.025
    overlap: int = 4


_DEFAULT = RoundLimits()


class NotInTime(StoreUnavailable):
    """No round had an answer in time. `work` cannot account for that; whoever is told of it can."""


class Rounds(Generic[T]):
    """Does `work` for all who ask at about the same time. For one event loop."""

    def __init__(self, work: Callable[[Count], Awaitable[T]], limits: RoundLimits = _DEFAULT) -> None:
        self._work = work
        self._limits = limits
        self._gathering: _Round[T] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[_Round[T]] = set()
        self._closed = False

    def ask(self) -> asyncio.Future[T]:
        """The answer of a round that begins after this call; cancelling it harms nobody else.

        It fails with what `work` raised, and with NotInTime when nothing came in time. Raises
        StoreUnavailable after `close`.
        """
        if self._closed:
            raise StoreUnavailable("the session has been closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        now = loop.time()
        if self._gathering is None:
            self._gathering = _Round(self._limits.budget)
        if self._gathering.timer is None:
            self._gathering.expect(now)
        self._gathering.waiters.append((now, answer))
        if not self._running:
            self._begin()
        elif self._timer is None and self._gathering.task is None:
            self._timer = loop.call_at(now + self._limits.gather, self._begin)
        return answer

    async def close(self) -> None:
        """Stop the rounds under way; whoever still waits gets StoreUnavailable."""
        self._closed = True
        self._stop_timer()
        tasks = [task for each in self._running if (task := each.task) is not None]
        for each in (*self._running, self._gathering):
            if each is not None:
                each.fail(StoreUnavailable("the session has been closed"))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self) -> None:
        """Begin a round for all who wait, unless nobody does or too many are under way.

        Until its task runs, whoever asks still joins it: the work has not begun.
        """
        self._stop_timer()
        beginning = self._gathering
        if beginning is None or beginning.task is not None or len(self._running) >= self._limits.overlap:
            return
        if not beginning.count():
            self._gathering = None
            beginning.forget()
            return
        self._running.add(beginning)
        beginning.task = asyncio.get_running_loop().create_task(self._run(beginning))

    async def _run(self, mine: _Round[T]) -> None:
        self._gathering, mine.begun = None, True
        try:
            if not mine.count():
                return mine.forget()
            answer = await self._work(mine.count)
        except asyncio.CancelledError:
            mine.fail(StoreUnavailable("the fetch was given up"))
            raise
        except Exception as error:
            mine.fail(error)
        else:
            mine.succeed(answer)
        finally:
            self._running.discard(mine)
            if not self._closed:
                self._begin()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@dataclass(slots=True, eq=False)
class _Round(Generic[T]):
    """Those who are answered together, each with the time at which they asked, oldest first."""

    budget: float
    waiters: list[tuple[float, asyncio.Future[T]]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    begun: bool = False

    def count(self) -> int:
        """How many wait now."""
        return sum(not answer.done() for _, answer in self.waiters)

    def succeed(self, value: T) -> None:
        """Answer everybody."""
        self.forget()
        for _, answer in self.waiters:
            if not answer.done():
                answer.set_result(value)

    def fail(self, error: Exception) -> None:
        """Each waiter gets an exception of its own, because raising one writes into it."""
        self.forget()
        for _, answer in self.waiters:
            if not answer.done():
                answer.set_exception(_copied(error))

    def forget(self) -> None:
        """Nobody need be told any more that time is up."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def expect(self, asked: float) -> None:
        """Look again when the time of somebody who asked at `asked` is up."""
        self.timer = asyncio.get_running_loop().call_at(asked + self.budget, self._expire)

    def _expire(self) -> None:
        self.timer = None
        late = asyncio.get_running_loop().time() - self.budget
        within = f"no answer within {self.budget * 1000:.0f} ms"
        for asked, answer in self.waiters:
            if answer.done():
                continue
            if asked > late:
                self.expect(asked)
                return
            answer.set_exception(NotInTime(within))
        if self.task is not None and self.begun:  # else its task never runs, and nobody would take it away
            self.task.cancel()


def _copied(error: Exception) -> Exception:
    if not isinstance(error, SentinelError):
        return error
    copy = type(error)(error.message, hint=error.hint)
    copy.__cause__ = error
    return copy
