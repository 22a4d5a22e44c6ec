"""Waiting for what must come, instead of for a time in which it should have come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds; pytest's own timeout ends a wait in vain."""
    while not holds():  # noqa: ASYNC110 (what is waited for signals nothing)
        await asyncio.sleep(0.001)


async def settle() -> None:
    """Let everything run that can run now."""
    for _ in range(10):
        await asyncio.sleep(0)
