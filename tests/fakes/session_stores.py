"""Every SessionStore by name, opened on something fresh."""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from sentinel_server.adapters.aws.sessions import DynamoDbSessions
from sentinel_server.adapters.local.sqlite import SqliteSessions
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.store import SessionStore, StoreRef
from tests.fakes.dynamodb_local import client_at, fresh_table, local_client

EVERY_STORE = ("memory", "sqlite", "moto", "dynamodb")
SHARED_BY_PROCESSES = ("sqlite", "dynamodb")
"""The stores in which writers truly race."""

LOCAL_TABLE = StoreRef(url="dynamodb://000000000000@us-east-1/sessions", shared=True, table="sessions")


@cache
def _moto() -> EmbeddedAws:
    """The sandbox's AWS: other code than Amazon's own emulator, and without atomic conditional writes."""
    aws = EmbeddedAws()
    aws.start()
    atexit.register(aws.stop)
    return aws


@asynccontextmanager
async def open_store(kind: str, directory: Path) -> AsyncIterator[SessionStore]:
    """An empty store of that kind; closed afterwards."""
    if kind == "memory":
        yield MemorySessions()
        return
    if kind in ("moto", "dynamodb"):
        opened = local_client() if kind == "dynamodb" else client_at(_moto().url, _moto().root)
        async with opened as client, fresh_table(client) as table:
            yield DynamoDbSessions(client, table, ref=LOCAL_TABLE, read_budget=20.0, hedge_after=10.0)
        return
    store = SqliteSessions(directory / "state" / "sessions.db")
    try:
        yield store
    finally:
        await store.close()
