"""Every SessionStore by name, opened on something fresh."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sentinel_server.adapters.aws.sessions import DynamoDbSessions
from sentinel_server.adapters.local.sqlite import SqliteSessions
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.store import SessionStore, StoreRef
from tests.fakes.dynamodb_local import local_client, local_table

EVERY_STORE = ("memory", "sqlite", "dynamodb")
SHARED_BY_PROCESSES = ("sqlite", "dynamodb")
"""The stores in which writers truly race."""

LOCAL_TABLE = StoreRef(url="dynamodb://000000000000@us-east-1/sessions", shared=True, table="sessions")


@asynccontextmanager
async def open_store(kind: str, directory: Path) -> AsyncIterator[SessionStore]:
    """An empty store of that kind; closed afterwards."""
    if kind == "memory":
        yield MemorySessions()
        return
    if kind == "dynamodb":
        async with local_client() as client, local_table(client) as table:
            yield DynamoDbSessions(client, table, ref=LOCAL_TABLE, read_budget=20.0, hedge_after=10.0)
        return
    store = SqliteSessions(directory / "state" / "sessions.db")
    try:
        yield store
    finally:
        await store.close()
