"""The tables we need, as values. Stores, permissions, provisioning and docs are all made from these.

The revocation's attributes are apart from the owner's because DynamoDB can then hold them apart: the holder
of a session may write `OWNER_ATTRIBUTES` and nothing else. `dynamodb:Attributes` counts all that a request
names, in conditions too, so the owner's operations mention no other attribute anywhere.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

from enum import Enum

from sentinel_server.frozen import frozen
from sentinel_server.records.model import INDEXED, RETENTION, Ledger
from sentinel_server.records.model import SORT as SORT
from sentinel_server.sessions.model import BLOCK, REVOCATION, STORED

KEY = "id"
"""The partition key of every table of ours."""

REVOCATION_ATTRIBUTES = REVOCATION
"""What cuts a session off, whatever else its row says; only the security role writes it."""

OWNER_ATTRIBUTES = (*STORED, "kind", "status", "created_at")
"""What the holder of a session may write in its row."""

BLOCK_ATTRIBUTES = BLOCK
"""What a block row holds beside its id, kind and place in the order."""

BLOCK_PREFIX = "block#"
"""How the id of every block row begins; no session id does."""


@frozen
class Index:
    """A global secondary index. It projects everything, so that a listing needs no second read."""

    name: str
    partition: str
    sort: str = SORT
    projection: str = "ALL"


@frozen
class Table:
    """A table: paid per request, encrypted by KMS, recoverable, protected from deletion.

    `ttl` is the attribute, if any, that says when a row may be forgotten.
    """

    name: str
    indexes: tuple[Index, ...]
    ttl: str | None = None


def index_on(attribute: str) -> Index:
    """The index by which rows are found by an attribute, in the order of their `created_at`."""
    return Index(name=f"gsi-{attribute.replace('_', '-')}", partition=attribute)


BY_KIND = index_on("kind")
"""All sessions, or all blocks, newest first and without a scan."""

BY_PERSON = index_on("person")
BY_USER = index_on("user")
BY_PROFILE = index_on("profile")
BY_STATUS = index_on("status")

SESSION_INDEXES = (BY_KIND, BY_PERSON, BY_USER, BY_PROFILE, BY_STATUS)

DEFAULT_PREFIX = "sentinel-"


class Family(Enum):
    """What a table keeps; the value is its name after the prefix."""

    SESSIONS = "sessions"
    REQUESTS = Ledger.REQUESTS.value
    BREAKGLASS = Ledger.BREAKGLASS.value


def table_of(family: Family, name: str | None = None) -> Table:
    """The table of a family, under its usual name unless there is another."""
    if family is Family.SESSIONS:
        return sessions_table() if name is None else sessions_table(name)
    return ledger_table(Ledger(family.value), name)


def sessions_table(name: str = DEFAULT_PREFIX + "sessions") -> Table:
    """The table of sessions and blocks."""
    return Table(name=name, indexes=SESSION_INDEXES)


def ledger_table(ledger: Ledger, name: str | None = None) -> Table:
    """The table of a ledger; requests and emergencies in it are forgotten only when security's sweep has set
    their end, and what counts or was told when it can matter no more.
    """
    indexes = tuple(index_on(attribute) for attribute in INDEXED[ledger])
    return Table(name=name or DEFAULT_PREFIX + ledger.value, indexes=indexes, ttl=RETENTION)
