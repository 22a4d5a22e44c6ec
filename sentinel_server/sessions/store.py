"""The session store as a port. Memory, SQLite and DynamoDB keep one set of promises, held by one suite.

A store that cannot answer, or answers only in part, raises StoreUnavailable: nothing is ever taken as absent
because it could not be read. Every read that a decision uses is strongly consistent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sentinel_server.frozen import frozen
from sentinel_server.records.model import Ref
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Session, Standing, State


@frozen
class StoreRef:
    """Which store it is: `shared` when others can see and revoke, `table` its table when it has one.

    `url` is for people: `sqlite:///…` or `dynamodb://account@region/table`.
    """

    url: str
    shared: bool
    table: str | None = None


@frozen
class Beat:
    """A sign of life from a server, with what it has counted since it started.

    It counts only while the row is this instance's, not revoked, not ended, not silent since before
    `not_before`, and without a sign of life from after `not_after`: the latest that whoever beats knows of,
    so that a beat that was held up puts no older time in the place of one. `last_access_at`, `request_count`
    and `credentials_until` are totals, not differences. What is None stays as it is in the row.
    """

    session_id: str
    server_instance_id: str
    at: datetime
    not_before: datetime
    not_after: datetime
    last_access_at: datetime
    request_count: int
    credentials_until: datetime | None = None
    override_id: str | None = None


@frozen
class SessionQuery:
    """Which sessions to list: all given conditions hold. `since` bounds `started_at`."""

    person: str | None = None
    user: str | None = None
    profile: str | None = None
    state: State | None = None
    since: datetime | None = None


@frozen
class Page:
    """Sessions, newest first, and an opaque token for the next page when there is one.

    `unreadable` are the ids of rows that this program cannot read: whoever holds a session can spoil its row,
    and must not be able to hide behind that.
    """

    sessions: tuple[Session, ...]
    next_token: str | None = None
    unreadable: tuple[str, ...] = ()


class SessionStore(Protocol):
    """Remembers sessions and blocks. A revocation, once written, is never undone and never lost."""

    @property
    def ref(self) -> StoreRef:
        """Which store this is."""
        ...

    async def create(self, session: Session) -> None:
        """Write a new row; raises AlreadyExists, and never overwrites."""
        ...

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        """The row (when an id is given), the blocks found under `keys` and the ledgers' rows found under
        `refs`, in one consistent read. (Two at once when sessions and ledgers are kept in different places.)

        Sees every write that had returned before this call began. Raises StoreUnavailable for `refs` when
        this store knows no ledgers.
        """
        ...

    async def beat(self, beat: Beat) -> bool:
        """Record a sign of life; False when its conditions do not hold (nothing is written then)."""
        ...

    async def revive(self, session_id: str, server_instance_id: str, seen: datetime, at: datetime) -> bool:
        """Bring back a lapsed session of the same instance, only if its heartbeat is still `seen`."""
        ...

    async def end(self, session_id: str, at: datetime) -> bool:
        """End a session at its owner's wish; False when it is missing, ended or revoked already."""
        ...

    async def revoke(self, session_id: str, revocation: Revocation) -> Session:
        """Cut a session off, whatever its state; the first revocation stays. Raises NotFound.

        Returns the row as it now is, so a different `revocation.by` in it means somebody was first.
        """
        ...

    async def sessions(
        self, query: SessionQuery, now: datetime, limit: int, token: str | None = None
    ) -> Page:
        """One page, newest first. Eventually consistent. Raises BadInput for a token of another query."""
        ...

    async def block(self, block: Block) -> None:
        """Write a block, replacing one under the same key."""
        ...

    async def lift(self, key: BlockKey, by: str, at: datetime) -> Block:
        """Lift a block; returns it as lifted. Raises NotFound when none is in force."""
        ...

    async def blocks(self) -> tuple[Block, ...]:
        """Every block ever written, lifted ones too, oldest first."""
        ...

    async def close(self) -> None:
        """Let go of connections and files; the store is not used afterwards."""
        ...
