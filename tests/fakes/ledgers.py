"""Every Records by name, opened on something fresh, and small rows for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import SORT, Change, Ledger, Ref, Value
from sentinel_server.records.store import Records

EVERY_RECORDS = ("memory",)


@asynccontextmanager
async def open_records(kind: str, directory: Path) -> AsyncIterator[Records]:
    """An empty store of that kind; closed afterwards."""
    assert kind == "memory", directory
    yield MemoryRecords()


def a_ref(number: int = 1, ledger: Ledger = Ledger.REQUESTS) -> Ref:
    """Where row `number` is."""
    return Ref(ledger=ledger, key=f"{number:016x}")


def at(second: int) -> str:
    """A `created_at`, `second` seconds past noon."""
    return f"2026-03-01T12:00:{second:02}.000000Z"


def made(ref: Ref, second: int = 0, /, **values: Value) -> Change:
    """The change that makes a row of alice's."""
    fields: Mapping[str, Value] = {SORT: at(second), "kind": "request", "person": "alice"}
    return Change(ref=ref, seen=None, set={**fields, **values})
