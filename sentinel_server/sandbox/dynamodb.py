"""What a DynamoDB request touches, in the terms of DynamoDB's IAM condition keys.

The facts are those of the DynamoDB developer guide, "Using IAM policy conditions for fine-grained access
control": `Attributes` are the top-level names that appear anywhere in the request; `Select` always has a
value on reads (ALL_ATTRIBUTES unless attributes are named), `ReturnValues` on writes (NONE unless given).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sentinel_server.frozen import frozen
from sentinel_server.sandbox.conditions import CannotEvaluate

Params = Mapping[str, Any]

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_EXPRESSIONS = (
    "ProjectionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ConditionExpression",
    "UpdateExpression",
)
_OLD_STYLE = (
    "Expected",
    "AttributeUpdates",
    "ScanFilter",
    "QueryFilter",
    "KeyConditions",
    "ConditionalOperator",
)
_WORDS = frozenset({"set", "remove", "add", "delete", "and", "or", "not", "between", "in"})
_TOKEN = re.compile(r"(:\w+)|([#A-Za-z_]\w*)((?:\s*\.\s*#?\w+|\s*\[\s*\d+\s*\])*)(\s*\()?")
_EQUALS = re.compile(r"(#?\w+)\s*=\s*(:\w+)")


@frozen
class Touch:
    """One action on one table or index; `enclosing` is the transaction it is part of.

    `table` is as the request names it, None when it names none.
    """

    action: str
    table: str | None
    index: str | None = None
    leading: tuple[str, ...] = ()
    attributes: frozenset[str] = frozenset()
    select: str | None = None
    returns: str | None = None
    capacity: str | None = None
    enclosing: str | None = None


@dataclass(slots=True)
class Tables:
    """The partition keys of the tables created here; `default` for tables that were not."""

    default: str = "id"
    _keys: dict[tuple[str, str | None], str] = field(default_factory=dict)

    def learn(self, params: Params) -> None:
        """Take note of a CreateTable request."""
        table = str(params.get("TableName"))
        self._keys[table, None] = _hash_key(params.get("KeySchema", ()), self.default)
        indexes = [*params.get("GlobalSecondaryIndexes", ()), *params.get("LocalSecondaryIndexes", ())]
        for index in indexes:
            self._keys[table, str(index["IndexName"])] = _hash_key(index["KeySchema"], self.default)

    def partition_key(self, table: str | None, index: str | None = None) -> str:
        """The name of a table's or index's partition key."""
        return self._keys.get((str(table), index), self.default)


def touches(operation: str, params: Params, tables: Tables) -> list[Touch]:
    """Everything that a request does, one entry per table or index and action. Raises CannotEvaluate."""
    if operation.startswith(("Execute", "BatchExecute")):
        raise CannotEvaluate("PartiQL")
    if operation == "BatchGetItem":
        return [
            _touch(operation, {"TableName": table} | dict(ask), tables, ask.get("Keys", ()))
            for table, ask in params.get("RequestItems", {}).items()
        ]
    if operation == "BatchWriteItem":
        return [_batch_write(table, asks, tables) for table, asks in params.get("RequestItems", {}).items()]
    if operation in ("TransactGetItems", "TransactWriteItems"):
        return [
            replace(_touch(_TRANSACTED[kind], ask, tables, _keys(ask)), enclosing=operation)
            for item in params.get("TransactItems", ())
            for kind, ask in item.items()
        ]
    return [_touch(operation, params, tables, _keys(params))]


def names_in(expression: str, aliases: Mapping[str, str]) -> Iterator[str]:
    """The top-level attribute names in an expression; `#aliases` are resolved."""
    for value, name, _path, call in _TOKEN.findall(expression):
        if value or call or name.lower() in _WORDS:
            continue
        yield aliases.get(name, name)


_TRANSACTED = {
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _touch(action: str, params: Params, tables: Tables, keys: Any) -> Touch:
    table, index = params.get("TableName"), params.get("IndexName")
    partition = tables.partition_key(table, index)
    leading = {_plain(key[partition]) for key in keys if partition in key}
    leading |= _queried(params, partition)
    attributes = _attributes(params) | {name for key in keys for name in key}
    return Touch(
        action=action,
        table=table,
        index=index,
        leading=tuple(sorted(leading)),
        attributes=frozenset(attributes),
        select=_select(params) if action in _READS else None,
        returns=params.get("ReturnValues", "NONE") if action in _WRITES else None,
        capacity=params.get("ReturnConsumedCapacity"),
    )


def _batch_write(table: str, asks: Any, tables: Tables) -> Touch:
    items = [
        ask.get("PutRequest", {}).get("Item") or ask.get("DeleteRequest", {}).get("Key", {}) for ask in asks
    ]
    return _touch("BatchWriteItem", {"TableName": table}, tables, items)


def _keys(params: Params) -> list[Mapping[str, Any]]:
    return [params[name] for name in ("Key", "Item") if name in params]


def _attributes(params: Params) -> set[str]:
    aliases = params.get("ExpressionAttributeNames", {})
    found = {name for part in _EXPRESSIONS for name in names_in(params.get(part, ""), aliases)}
    found |= {name for part in _OLD_STYLE if isinstance(params.get(part), Mapping) for name in params[part]}
    return found | set(params.get("AttributesToGet", ()))


def _queried(params: Params, partition: str) -> set[str]:
    aliases = params.get("ExpressionAttributeNames", {})
    values = params.get("ExpressionAttributeValues", {})
    pairs = _EQUALS.findall(params.get("KeyConditionExpression", ""))
    found = {
        _plain(values[value])
        for name, value in pairs
        if aliases.get(name, name) == partition and value in values
    }
    old = params.get("KeyConditions", {}).get(partition, {}).get("AttributeValueList", ())
    return found | {_plain(value) for value in old}


def _select(params: Params) -> str:
    named = "ProjectionExpression" in params or "AttributesToGet" in params
    unsaid = "ALL_PROJECTED_ATTRIBUTES" if "IndexName" in params else "ALL_ATTRIBUTES"
    return str(params.get("Select", "SPECIFIC_ATTRIBUTES" if named else unsaid))


def _plain(value: Any) -> str:
    return str(next(iter(value.values()), "")) if isinstance(value, Mapping) else str(value)


def _hash_key(schema: Any, default: str) -> str:
    return next((str(part["AttributeName"]) for part in schema if part["KeyType"] == "HASH"), default)
