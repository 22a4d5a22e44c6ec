"""The event loop of every command."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from sentinel_server.workers import Workers

if sys.platform == "win32":
    _Usual = asyncio.ProactorEventLoop
else:
    _Usual = asyncio.SelectorEventLoop

T = TypeVar("T")

LOOKUPS = 8
"""Names that are looked up at the same time."""


class CommandLoop(_Usual):
    """The platform's usual loop, but that nobody waits at its end for names that are still being looked up.

    No lookup can be ended, and a resolver may take half a minute to give up: of the usual loop's threads, the
    end of the process would wait for each.
    """

    def __init__(self, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        """`look_up` is called in a thread, as `socket.getaddrinfo`."""
        super().__init__()
        self._look_up = look_up
        self._threads = Workers("names", LOOKUPS)

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """As `socket.getaddrinfo`, which tells what it gives and raises; OSError without a thread, too."""
        work = partial(self._look_up, host, port, family, type, proto, flags)
        try:
            begun = self._threads.run(work)
        except RuntimeError as error:
            raise OSError(f"{host!r} cannot be looked up: {error}") from error
        found: list[Any] = await begun
        return found

    def close(self) -> None:
        """Close it; whoever still waits for a name waits in vain."""
        self._threads.close()
        super().close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, run as by `asyncio.run`, in a loop of this kind."""
    with asyncio.Runner(loop_factory=CommandLoop) as runner:
        return runner.run(work)
