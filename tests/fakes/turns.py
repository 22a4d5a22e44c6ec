"""Turns within one process, and a record of who had them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sentinel_server.errors import SentinelError


class FakeTurns:
    """Turns by a lock of asyncio's each; `fails` is raised instead of giving one."""

    def __init__(self) -> None:
        self.had: list[str] = []
        self.fails: SentinelError | None = None
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def of(self, what: str) -> AsyncIterator[None]:
        """Wait for the turn and hold it."""
        if self.fails is not None:
            raise self.fails
        async with self._locks[what]:
            self.had.append(what)
            yield
