"""Every SessionStore by name, opened on something fresh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sentinel_server.adapters.local.sqlite import SqliteSessions
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.store import SessionStore

EVERY_STORE = ("memory", "sqlite")
SHARED_BY_PROCESSES = ("sqlite",)
"""The stores in which writers truly race."""


@asynccontextmanager
async def open_store(kind: str, directory: Path) -> AsyncIterator[SessionStore]:
    """An empty store of that kind; closed afterwards."""
    if kind == "memory":
        yield MemorySessions()
        return
    store = SqliteSessions(directory / "state" / "sessions.db")
    try:
        yield store
    finally:
        await store.close()
