"""JSON Schema for the values of a document, from the very patterns and limits that the parser checks.

An editor's YAML reader gives `14.2` or `012345678901` as numbers where our parser reads text, so text
that may look like a number may be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from sentinel_server.policy.names import ARN, BARE, GROUP, PROFILE_LIMIT
from sentinel_server.policy.outline import NAME_LIMIT, VERSION
from sentinel_server.policy.schema import GROUP_PREFIX, Day
from sentinel_server.policy.windows import DAY, INSTANT

Schema = dict[str, Any]
"""A JSON Schema."""

TEXT: Schema = {"type": ["string", "number", "boolean"], "minLength": 1}
"""Any text."""
FLAG: Schema = {"type": "boolean"}
"""`true` or `false`."""
DURATION: Schema = {"type": "string", "pattern": r"^(?:[0-9]+(?:\.[0-9]+)?[dhms])+$"}
"""A duration; its bounds are the parser's affair."""


def describe(schema: Schema, words: str) -> Schema:
    """The same schema with what an editor shows beside it."""
    return {"description": words, **schema}


def fitting(*forms: re.Pattern[str], also: Sequence[str] = (), limit: int | None = None) -> Schema:
    """Text that is one of these forms."""
    joined = "|".join([*also, *(form.pattern for form in forms)])
    schema: Schema = {"type": ["string", "number", "boolean"], "pattern": f"^(?:{joined})$"}
    return schema if limit is None else {**schema, "maxLength": limit}


def words(values: Iterable[Enum | str]) -> Schema:
    """One of these words."""
    return {"enum": [value.value if isinstance(value, Enum) else value for value in values]}


def listed(items: Schema) -> Schema:
    """A list of at least one, none of them twice."""
    return {"type": "array", "items": items, "minItems": 1, "uniqueItems": True}


def number(low: int, high: int) -> Schema:
    """A whole number, with or without quotes."""
    return {"type": ["integer", "string"], "minimum": low, "maximum": high, "pattern": "^[0-9]+$"}


def mapping(properties: Mapping[str, Schema], required: Sequence[str] = (), **more: Any) -> Schema:
    """A mapping of these keys and no others."""
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return {**schema, **more}


def any_of(*keys: str) -> list[Schema]:
    """For `anyOf`: at least one of these keys is there."""
    return [{"required": [key]} for key in keys]


PROFILES = listed({**TEXT, "maxLength": PROFILE_LIMIT})
"""Profile names and patterns."""
MEMBERS = listed(fitting(ARN, BARE))
"""Bare names and ARN patterns."""
USERS = listed(fitting(ARN, BARE, also=[GROUP_PREFIX + GROUP.pattern]))
"""The same, and groups."""
NAME: Schema = {**TEXT, "maxLength": NAME_LIMIT}
"""A rule's name."""
GROUPS: Schema = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"pattern": f"^{GROUP.pattern}$"},
    "additionalProperties": MEMBERS,
}
"""Named lists of users."""
ACCOUNTS = listed({"type": ["string", "integer"], "pattern": "^[0-9]{12}$"})
"""Account ids."""
_CLOCK: Schema = {"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"}
_MOMENT: Schema = {"type": "string", "pattern": f"^(?:{DAY.pattern}|{INSTANT.pattern})$"}
WINDOW = mapping(
    {
        "days": describe(listed(words(Day)), "The days it opens on; every day unless given."),
        "hours": mapping(
            {"start": _CLOCK, "end": {"anyOf": [_CLOCK, {"const": "24:00"}]}}, required=("start", "end")
        ),
        "timezone": describe({"type": "string"}, "An IANA name, as in Europe/Berlin; UTC unless given."),
        "not_before": describe(_MOMENT, "The first day or instant that matches."),
        "not_after": describe(
            _MOMENT, "The last day that matches, or the first instant that no longer does."
        ),
    },
    anyOf=any_of("days", "hours", "not_before", "not_after"),
)
"""A time window."""


def document(kind: str, title: str, properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    """The schema of a whole document of that kind."""
    header: dict[str, Schema] = {
        "version": describe({"enum": [VERSION, int(VERSION)]}, "The version of the format."),
        "kind": describe({"const": kind}, "The kind of document; optional."),
    }
    body = mapping({**header, **properties}, required=("version", *required))
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": title, **body}
