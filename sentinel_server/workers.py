"""Threads that work for an event loop, for what blocks: a fetch's read of its session's row, a call of AWS.

An executor's futures, with their locks and conditions, cost a fetch 50 µs on its way there and back when one
client asks (a third of that under load), which is why these threads speak to the loop themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from sentinel_server.threads import block_signals

T = TypeVar("T")


class _Order:
    """One piece of work, and who waits for it."""

    __slots__ = ("done", "future", "loop", "work")

    def __init__(
        self,
        work: Callable[[], Any],
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[Any],
        done: Callable[[asyncio.Future[Any], Any, BaseException | None], None],
    ) -> None:
        self.work = work
        self.loop = loop
        self.future = future
        self.done = done

    def carry_out(self) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            if not self.future.cancelled():
                result = self.work()
        except StopIteration as stop:  # which no future takes
            error = RuntimeError("the work raised StopIteration")
            error.__cause__ = stop
        except BaseException as raised:
            error = raised
        try:
            self.loop.call_soon_threadsafe(self.done, self.future, result, error)
        except RuntimeError:  # the loop has been closed: nobody waits
            pass
        finally:
            del self, result, error  # or an error would keep all this: its traceback has this frame


class Workers:
    """At most `limit` threads, begun when they are needed, for one event loop.

    They block every signal, and the end of the process waits for none of them, whatever they are doing: they
    are for what leaves nothing half done.
    """

    def __init__(self, name: str, limit: int = 1) -> None:
        self._name = name
        self._limit = limit
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._threads = 0
        self._busy = 0
        self._closed = False

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """The outcome of `work`, which is begun in its turn.

        What is cancelled before a thread has taken it never begins; what has begun goes on. Raises
        RuntimeError after `close`, and when the system gives us no thread.
        """
        if self._closed:
            raise RuntimeError("these workers have been closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._threads < min(self._busy + 1, self._limit):
            self._start()
        self._busy += 1
        self._orders.put(_Order(work, loop, future, self._done))
        return future

    def close(self) -> None:
        """Cancel what no thread has taken yet; each thread ends with what it is doing."""
        if self._closed:
            return
        self._closed = True
        with suppress(Empty):
            while True:
                if (order := self._orders.get_nowait()) is not None:
                    with suppress(RuntimeError):  # its loop has been closed
                        order.future.cancel()
        self._dismiss()

    def __del__(self) -> None:
        self._dismiss()

    def _start(self) -> None:
        name = f"{self._name}-{self._threads + 1}"
        try:
            Thread(target=_serve, args=(self._orders,), name=name, daemon=True).start()
        except RuntimeError:
            if not self._threads:
                raise
            return  # those that are there will do
        self._threads += 1

    def _dismiss(self) -> None:
        for _ in range(self._threads):
            self._orders.put(None)
        self._threads = 0

    def _done(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._busy -= 1
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _serve(orders: SimpleQueue[_Order | None]) -> None:
    block_signals()
    while True:
        order = orders.get()
        if order is None:
            return
        order.carry_out()
        del order  # while it waits, a thread keeps nothing of what it did
