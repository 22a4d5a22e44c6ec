"""Rows of ledgers as SQLite rows: a JSON body, and a line beside it for each attribute one can search by, and
for the time after which a row may be forgotten.
"""

# ruff: noqa: S608 (statements are built from constants alone)

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sentinel_server.errors import StoreUnavailable
from sentinel_server.records.model import INDEXED, MOST_VERSION, RETENTION, SORT, Ledger, Ref, Row, Search
from sentinel_server.records.rules import Position

COLUMNS = "ledger, key, version, body"

UPSERT = f"INSERT OR REPLACE INTO records ({COLUMNS}) VALUES (?, ?, ?, ?)"

_VALUE = ("ledger", "attribute", "value", "created_at", "key")
ADD_VALUE = f"INSERT OR REPLACE INTO record_values ({', '.join(_VALUE)}) VALUES (?, ?, ?, ?, ?)"
DROP_VALUE = f"DELETE FROM record_values WHERE {' AND '.join(f'{name} = ?' for name in _VALUE)}"

Findable = tuple[str, str, str, str, str]
"""A line of `record_values`."""


def is_one_of(count: int) -> str:
    """The condition that a record is one of `count` places."""
    return f"(ledger, key) IN (VALUES {', '.join(['(?, ?)'] * count)})" if count else "0"


def places(refs: Iterable[Ref]) -> tuple[str, ...]:
    """The arguments of `is_one_of`."""
    return tuple(part for ref in refs for part in (ref.ledger.value, ref.key))


def select(count: int) -> str:
    """The statement that reads `count` records."""
    return f"SELECT {COLUMNS} FROM records WHERE {is_one_of(count)}"


def columns_of(row: Row) -> tuple[str, str, int, str]:
    """A row as its columns, in the order of `COLUMNS`."""
    body = json.dumps(dict(row.values), separators=(",", ":"))
    return row.ref.ledger.value, row.ref.key, row.version, body


def findable(row: Row | None) -> frozenset[Findable]:
    """The lines by which a row is found; none of no row."""
    if row is None:
        return frozenset()
    ledger, key, values, until = row.ref.ledger, row.ref.key, row.values, row.values.get(RETENTION)
    lines = set()
    if isinstance(until, int) and until >= 0:
        lines.add((ledger.value, RETENTION, retention_text(until), "", key))
    if SORT in values:
        there = [name for name in INDEXED[ledger] if name in values]
        lines |= {(ledger.value, name, str(values[name]), str(values[SORT]), key) for name in there}
    return frozenset(lines)


def retention_text(seconds: int) -> str:
    """Unix seconds as text of which the order is that of time."""
    return f"{seconds:020d}"


def read_all(found: Sequence[Sequence[Any]], where: str) -> Mapping[Ref, Row]:
    """The rows of what was found, by place. Raises StoreUnavailable, naming `where`, for a bad one."""
    return {row.ref: row for row in (_read(columns, where) for columns in found)}


def _read(columns: Sequence[Any], where: str) -> Row:
    ledger, key, version, body = columns[:4]
    try:
        values = json.loads(body)
        plain = all(isinstance(value, str | int) for value in values.values())
        if not plain or not 0 < version < MOST_VERSION:
            raise ValueError("not a row of ours")
        return Row(ref=Ref(ledger=Ledger(ledger), key=key), version=version, values=values)
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreUnavailable(f"row {ledger}/{key} in {where} cannot be read") from error


def search_statement(search: Search, after: Position | None, limit: int) -> tuple[str, tuple[str | int, ...]]:
    """The statement that reads a page, and one row more."""
    conditions = ["i.ledger = ?", "i.attribute = ?", "i.value = ?"]
    arguments: list[str | int] = [search.ledger.value, search.by, search.value]
    if search.since is not None:
        conditions.append("i.created_at >= ?")
        arguments.append(search.since)
    if after is not None:
        conditions.append(f"(i.created_at, i.key) {'<' if search.newest_first else '>'} (?, ?)")
        arguments += (after.created_at, after.key)
    way = "DESC" if search.newest_first else "ASC"
    statement = (
        "SELECT r.ledger, r.key, r.version, r.body FROM record_values i"
        " JOIN records r ON r.ledger = i.ledger AND r.key = i.key"
        f" WHERE {' AND '.join(conditions)} ORDER BY i.created_at {way}, i.key {way} LIMIT ?"
    )
    return statement, (*arguments, limit + 1)
