"""Rows of ledgers as DynamoDB items: each value an attribute, so that IAM can tell them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sentinel_server.adapters.aws.dynamodb import Item, write_value
from sentinel_server.errors import StoreUnavailable
from sentinel_server.provisioning.desired import KEY, SORT, index_on
from sentinel_server.records.model import MOST_VERSION, Change, Lacking, Ledger, Ref, Row, Search, Seen

VERSION = "version"
"""The attribute that each change raises by one."""


def keys_by_table(refs: Iterable[Ref], tables: Mapping[Ledger, str]) -> dict[str, list[str]]:
    """The keys to read from each table."""
    wanted: dict[str, list[str]] = {}
    for ref in refs:
        wanted.setdefault(tables[ref.ledger], []).append(ref.key)
    return wanted


def rows_found(
    refs: Iterable[Ref], tables: Mapping[Ledger, str], found: Mapping[str, Sequence[Item]]
) -> dict[Ref, Row]:
    """The rows under `refs` among the items of their tables. Raises StoreUnavailable for a spoiled one."""
    rows: dict[Ref, Row] = {}
    items = {(table, item.get(KEY)): item for table, some in found.items() for item in some}
    for ref in refs:
        item = items.get((tables[ref.ledger], ref.key))
        if item is not None:
            rows[ref] = row = read_row(ref.ledger, item)
            if not row.version:
                raise StoreUnavailable(f"row {ref} in {tables[ref.ledger]} has no version and cannot be used")
    return rows


def read_row(ledger: Ledger, item: Item) -> Row:
    """The row of an item; with version 0 when its own is not one."""
    version = item.get(VERSION)
    values = {name: value for name, value in item.items() if name not in (KEY, VERSION)}
    ref = Ref(ledger=ledger, key=str(item[KEY]))
    known = isinstance(version, int) and 0 < version < MOST_VERSION
    return Row(ref=ref, version=int(version) if known and version is not None else 0, values=values)


def update(change: Change, table: str, *, spoiled: bool = False) -> dict[str, Any]:
    """One update of a transaction. It names the attributes that change, the version, and no other but those
    that its condition is about. With `spoiled` an ending leaves the version as it is.
    """
    written = {name: value for name, value in change.set.items() if value is not None}
    removed = [name for name in change.set if name not in written]
    condition, asked, seen = _condition(change.seen)
    settings = [f"#{name} = :{name}" for name in written]
    expression = f"SET {', '.join([_next(change.seen, spoiled), *settings])}"
    if removed:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    values = {**written, **seen}
    return {
        "TableName": table,
        "Key": {KEY: {"S": change.ref.key}},
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in (VERSION, *written, *removed, *asked)},
        "ExpressionAttributeValues": {f":{name}": write_value(value) for name, value in values.items()},
    }


def _next(seen: Seen, spoiled: bool) -> str:
    """What sets the next version: of a row whose version is known, of one whatever it is, and of one whose
    version is none.
    """
    if not isinstance(seen, Lacking):
        return f"#{VERSION} = :{VERSION}"
    return f"#{VERSION} = if_not_exists(#{VERSION}, :one)" if spoiled else f"#{VERSION} = #{VERSION} + :one"


def _condition(seen: Seen) -> tuple[str, tuple[str, ...], dict[str, int]]:
    """The condition, the attributes it names, and the values that it and the next version need."""
    if seen is None:
        return f"attribute_not_exists(#{KEY})", (KEY,), {VERSION: 1}
    if isinstance(seen, Lacking):
        parts = [
            f"attribute_exists(#{KEY})",
            *(f"attribute_not_exists(#{name})" for name in seen.attributes),
        ]
        return " AND ".join(parts), (KEY, *seen.attributes), {"one": 1}
    return f"#{VERSION} = :seen", (), {VERSION: seen + 1, "seen": seen}


def query(search: Search) -> dict[str, Any]:
    """The request of a search: key conditions alone."""
    index = index_on(search.by)
    names, values, condition = {"#p": index.partition}, {":p": {"S": search.value}}, "#p = :p"
    if search.since is not None:
        names["#s"], values[":s"] = index.sort, {"S": search.since}
        condition += " AND #s >= :s"
    return {
        "IndexName": index.name,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": not search.newest_first,
    }


def start_after(search: Search, created_at: str, key: str) -> dict[str, str]:
    """The key of the row that a page goes on after."""
    return {KEY: key, search.by: search.value, SORT: created_at}
