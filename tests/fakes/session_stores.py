"""Every SessionStore by name, opened on something fresh."""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentinel_server.adapters.aws.records import DynamoDbRecords
from sentinel_server.adapters.aws.sessions import DynamoDbSessions
from sentinel_server.adapters.local.sqlite import SqliteSessions
from sentinel_server.adapters.local.sqlite_records import SqliteRecords
from sentinel_server.records.store import Records
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.store import SessionStore, StoreRef
from tests.fakes.clock import FakeClock
from tests.fakes.dynamodb_local import client_at, fresh_ledgers, fresh_table, local_calls, local_client

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

EVERY_STORE = ("memory", "sqlite", "moto", "dynamodb")
SHARED_BY_PROCESSES = ("sqlite", "dynamodb")
"""The stores in which writers truly race."""

LOCAL_TABLE = StoreRef(url="dynamodb://000000000000@us-east-1/sessions", shared=True, table="sessions")

_UNHURRIED: Any = {"read_budget": 20.0, "hedge_after": 10.0}


@cache
def _moto() -> EmbeddedAws:
    """The sandbox's AWS: other code than Amazon's own emulator, and without atomic conditional writes."""
    aws = EmbeddedAws()
    aws.start()
    atexit.register(aws.stop)
    return aws


@asynccontextmanager
async def dynamodb_at(kind: str) -> AsyncIterator[DynamoDBClient]:
    """A client of Amazon's own emulator (`dynamodb`), or of the sandbox's (`moto`)."""
    opened = local_client() if kind == "dynamodb" else client_at(_moto().url, _moto().root)
    async with opened as client:
        yield client


@asynccontextmanager
async def _calls_of(kind: str, client: DynamoDBClient) -> AsyncIterator[DynamoDBClient]:
    """What its store calls with: as doors do, or for the sandbox aioboto3, so that both are tried."""
    if kind == "dynamodb":
        async with local_calls() as direct:
            yield direct
    else:
        yield client


@asynccontextmanager
async def open_store(kind: str, directory: Path) -> AsyncIterator[SessionStore]:
    """An empty store of that kind, without ledgers where they need tables of their own; closed afterwards."""
    if kind in ("moto", "dynamodb"):
        async with (
            dynamodb_at(kind) as client,
            fresh_table(client) as table,
            _calls_of(kind, client) as calls,
        ):
            yield DynamoDbSessions(calls, table, ref=LOCAL_TABLE, **_UNHURRIED)
        return
    async with open_both(kind, directory) as (store, _):
        yield store


@asynccontextmanager
async def open_both(kind: str, directory: Path) -> AsyncIterator[tuple[SessionStore, Records]]:
    """An empty store of that kind, and the ledgers that belong to it; closed afterwards."""
    if kind == "memory":
        sessions = MemorySessions()
        yield sessions, sessions.records
        return
    if kind in ("moto", "dynamodb"):
        async with (
            dynamodb_at(kind) as client,
            fresh_table(client) as table,
            fresh_ledgers(client) as ledgers,
            _calls_of(kind, client) as calls,
        ):
            store = DynamoDbSessions(calls, table, ref=LOCAL_TABLE, ledgers=ledgers, **_UNHURRIED)
            yield store, DynamoDbRecords(calls, ledgers)
        return
    path = directory / "state" / "sessions.db"
    async with AsyncExitStack() as stack:
        local, records = SqliteSessions(path), SqliteRecords(path, clock=FakeClock())
        stack.push_async_callback(local.close)
        stack.push_async_callback(records.close)
        yield local, records


@asynccontextmanager
async def open_records(kind: str, directory: Path) -> AsyncIterator[Records]:
    """Empty ledgers of that kind; closed afterwards."""
    if kind in ("moto", "dynamodb"):
        async with (
            dynamodb_at(kind) as client,
            fresh_ledgers(client) as tables,
            _calls_of(kind, client) as calls,
        ):
            yield DynamoDbRecords(calls, tables)
        return
    async with open_both(kind, directory) as (_, records):
        yield records
