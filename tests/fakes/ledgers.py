"""Small rows of ledgers, and the changes that make them."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel_server.records.model import SORT, Change, Ledger, Ref, Value


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
