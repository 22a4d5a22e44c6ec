"""An event loop that knows who left a task behind, where names lead, and how long it stood still."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

OWNER: ContextVar[str] = ContextVar("owner", default="")
"""Whose work this is; the tasks that it begins inherit it."""

SUFFIX = ".test"
"""Names that end so lead to this machine, while there is DNS."""

_TICK = 0.01


class WatchedLoop(asyncio.SelectorEventLoop):
    """Knows `*.test` until `dns` is false, and counts what each owner began."""

    def __init__(self) -> None:
        super().__init__()
        self.dns = True
        self.stalled = 0.0
        """Seconds that the loop was kept from going on, in all; `watch` counts them."""
        self._tasks: dict[str, WeakSet[asyncio.Task[Any]]] = {}
        self.set_task_factory(self._begin)  # type: ignore[arg-type]  # the stub knows no keywords

    async def getaddrinfo(self, host: Any, port: Any, **more: Any) -> Any:
        """Where a name leads. Raises gaierror when nobody can be asked."""
        if not str(host).endswith(SUFFIX):
            return await super().getaddrinfo(host, port, **more)
        if not self.dns:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    def left_by(self, owner: str) -> list[str]:
        """The tasks of an owner that have not ended, by what they do."""
        return sorted(
            task.get_coro().__qualname__  # type: ignore[union-attr]
            for task in self._tasks.get(owner, ())
            if not task.done() and task is not asyncio.current_task()
        )

    async def cleared(self, owner: str) -> list[str]:
        """As `left_by`, once what is just ending has had the time to end."""
        for _ in range(10):
            if not self.left_by(owner):
                break
            await asyncio.sleep(0.02)
        return self.left_by(owner)

    async def watch(self) -> None:
        """Measure, for ever, how long everybody is kept waiting."""
        last = self.time()
        while True:
            await asyncio.sleep(_TICK)
            now = self.time()
            self.stalled += max(0.0, now - last - 2 * _TICK)
            last = now

    def _begin(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **more)
        self._tasks.setdefault(OWNER.get(), WeakSet()).add(task)
        return task


@contextmanager
def owned(name: str) -> Iterator[None]:
    """What the body begins is work of `name`."""
    token = OWNER.set(name)
    try:
        yield
    finally:
        OWNER.reset(token)


def the_loop() -> WatchedLoop:
    """The loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WatchedLoop)
    return loop
