"""A row of a ledger, a change to it, and what a search asks. Values are text or whole numbers.

Every row has a version that each change raises by one, and a change names the version it was decided on. So
whoever decides from what they read can be sure that it was still so when they wrote. Only what ends something
may name, in place of a version, what must not have been written yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from sentinel_server.frozen import frozen

Value = str | int

SORT = "created_at"
"""The attribute by which every search is ordered; a fixed-width time."""


MOST_VERSION = 2**53
"""Versions stay below it, lest a row be given one that no change could follow."""


class Ledger(Enum):
    """A family of rows with a table of its own; the value is the table's name after the prefix."""

    REQUESTS = "requests"
    BREAKGLASS = "breakglass"


INDEXED: Mapping[Ledger, tuple[str, ...]] = {
    Ledger.REQUESTS: ("kind", "person", "profile", "status", "person_profile", "outbox"),
    Ledger.BREAKGLASS: ("kind", "person", "profile", "status", "person_profile", "outbox"),
}
"""What a search may go by: text that is not empty. A row without the attribute is not found by it.

`person_profile` is `PERSON#PROFILE`. `outbox` is there only while work is left.
"""

RESERVED = frozenset({"id", "version"})
"""Attributes that a store keeps for itself: a row's key and its version."""

RETENTION = "ttl"
"""Unix seconds after which the store may forget the row. In what is evidence, requests and emergencies, only
security's sweep sets it: 400 days and more past the end. What only counts, or was told, has it from whoever
writes it, past the time in which it can matter.
"""


def kept(at: datetime, span: timedelta) -> int:
    """The `RETENTION` of what is to be kept for that long from then on."""
    return int((at + span).timestamp())


@frozen
class Ref:
    """Where a row is."""

    ledger: Ledger
    key: str

    def __str__(self) -> str:
        return f"{self.ledger.value}/{self.key}"


@frozen
class Row:
    """A row as it is: its version, from 1, and its attributes; one that is not there has no value.

    A row found by a search whose version somebody has spoiled has version 0: no change to it ever holds.
    """

    ref: Ref
    version: int
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Lacking:
    """In place of a version: the row is there and has none of these attributes, whatever its version is.

    For endings, which nobody may hold up by changing the row all the time.
    """

    attributes: tuple[str, ...]


Seen = int | Lacking | None
"""On what a change was decided."""


@frozen
class Change:
    """One row's change: holds only while the row's version is `seen`, or with None while there is no row.

    `set` are the attributes to write; None takes one away. Nothing else of the row changes, and no other
    attribute is named to the store, so that permissions by attribute hold.
    """

    ref: Ref
    seen: Seen
    set: Mapping[str, Value | None] = field(default_factory=dict)


@frozen
class Search:
    """The rows of a ledger whose attribute `by`, one of its INDEXED, is `value`, by `created_at`.

    `since` is the first `created_at` that counts. Rows without a `created_at` are not found.
    """

    ledger: Ledger
    by: str
    value: str
    since: str | None = None
    newest_first: bool = True


@frozen
class Found:
    """Rows of a search, and an opaque token for the next page when there may be more."""

    rows: tuple[Row, ...]
    next_token: str | None = None
