"""The shared session store: a DynamoDB table in which only security can write revocations and blocks.

Operations of a session's holder (create, standing, beat, revive, end) name no attribute outside
`OWNER_ATTRIBUTES`, in conditions neither, because the generated IAM allows no other. So they ask for
`status = active`, which a revocation also changes; whether a session is revoked, `revoked_at` alone tells.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sentinel_server.adapters.aws import session_items as items
from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.dynamodb import (
    Change,
    Item,
    Items,
    Refusal,
    hedged,
    look,
    together,
)
from sentinel_server.adapters.aws.record_items import keys_by_table, rows_found
from sentinel_server.adapters.aws.timing import URGENT
from sentinel_server.bucket import Bucket
from sentinel_server.clock import sortable
from sentinel_server.errors import AlreadyExists, BadInput, NotFound, StoreUnavailable
from sentinel_server.provisioning.desired import (
    BLOCK_PREFIX,
    BY_KIND,
    BY_PERSON,
    BY_PROFILE,
    BY_STATUS,
    BY_USER,
    KEY,
    Index,
)
from sentinel_server.records.model import Ledger, Ref, Row
from sentinel_server.records.rules import checked_refs
from sentinel_server.records.store import ReadRows
from sentinel_server.sessions.listing import checked_limit, matches, page_of, read_token
from sentinel_server.sessions.model import (
    Block,
    BlockKey,
    Revocation,
    Session,
    Standing,
    State,
    checked_new,
)
from sentinel_server.sessions.store import Beat, Page, SessionQuery, StoreRef

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

T = TypeVar("T")

READ_BUDGET = 0.7
"""Seconds in which `standing` answers or fails."""

HEDGE_AFTER = 0.15
"""Seconds after which a second, identical read is begun."""

HEDGES_AT_ONCE, HEDGES_A_SECOND = 10, 1.0
"""How many such reads there may be for slow ones.

A table that has become slow gets only slower when everybody asks it twice, and could stay so after what
made it slow is over.
"""


class DynamoDbSessions:
    """A SessionStore in a DynamoDB table, given by its name or its ARN.

    `urgent` is a client that neither retries nor waits long, for `standing`; without one `client` does both.
    `ledgers` are the tables beside it that `standing` reads in the same request; without them `elsewhere` is
    asked at the same time. `on_close` closes whatever the clients need closed.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        ref: StoreRef,
        *,
        urgent: DynamoDBClient | None = None,
        ledgers: Mapping[Ledger, str] | None = None,
        elsewhere: ReadRows | None = None,
        read_budget: float = READ_BUDGET,
        hedge_after: float = HEDGE_AFTER,
        on_close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._ref = ref
        self._table = table
        self._client = client
        self._urgent = client if urgent is None else urgent
        self._items = Items(client, table, KEY)
        self._ledgers = ledgers or {}
        self._elsewhere = elsewhere
        self._read_budget = read_budget
        self._hedge_after = hedge_after
        self._hedges = Bucket(HEDGES_A_SECOND, burst=HEDGES_AT_ONCE / HEDGES_A_SECOND)
        self._on_close = on_close

    @property
    def ref(self) -> StoreRef:
        """Which store this is."""
        return self._ref

    async def create(self, session: Session) -> None:
        """Write a new row; raises AlreadyExists."""
        new = items.new_session(checked_new(session))
        if not await self._items.update(
            Change(key=session.id, set=new, condition="attribute_not_exists(#id)")
        ):
            raise AlreadyExists(f"session {session.id} exists already")

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        """The row, the blocks under `keys`, in the order of `keys`, and the rows under `refs`: one consistent
        read, or two at once when the ledgers are elsewhere.

        With a session it is hedged once, seldom and in time for a fetch. Without one a door is being opened:
        no SDK waits yet, and a first connection may take as long as whoever asks has patience.
        """
        wanted = {items.block_id(key): key for key in keys}
        ids = [*([session_id] if session_id else ()), *wanted]
        asked = checked_refs(refs)
        if session_id is None:
            found, rows = await self._look(self._client, ids, asked)
        else:
            found, rows = await self._in_time(lambda: self._look(self._urgent, ids, asked))
        session = found.get(session_id) if session_id else None
        return Standing(
            session=None if session is None else self._read(items.read_session, session),
            blocks=tuple(self._read(items.read_block, found[id_]) for id_ in wanted if id_ in found),
            rows=rows,
        )

    async def _in_time(self, read: Callable[[], Awaitable[T]]) -> T:
        return await hedged(read, after=self._hedge_after, within=self._read_budget, hedges=self._hedges)

    async def _look(
        self, client: DynamoDBClient, ids: Sequence[str], refs: Sequence[Ref]
    ) -> tuple[Mapping[str, Item], Mapping[Ref, Row]]:
        if refs and not self._ledgers:
            if self._elsewhere is None:
                raise StoreUnavailable(f"{self._ref.url} is used without approvals and emergencies")
            (found, _), rows = await together(self._look(client, ids, ()), self._elsewhere(refs))
            return found, rows
        wanted = {**({self._table: ids} if ids else {}), **keys_by_table(refs, self._ledgers)}
        tables = await look(client, wanted, KEY) if wanted else {}
        items_here = {str(item.get(KEY)): item for item in tables.get(self._table, ())}
        return items_here, rows_found(refs, self._ledgers, tables)

    async def beat(self, beat: Beat) -> bool:
        """Record a sign of life when its conditions hold."""
        return await self._items.update(
            Change(
                key=beat.session_id,
                set={
                    "heartbeat_at": sortable(beat.at),
                    "last_access_at": sortable(beat.last_access_at),
                    "request_count": beat.request_count,
                    "credentials_until": items.optional_time(beat.credentials_until),
                    "override_id": beat.override_id,
                },
                condition="#status = :active AND #server_instance_id = :instance"
                " AND #heartbeat_at >= :not_before AND #heartbeat_at <= :not_after",
                given={
                    "active": items.ACTIVE,
                    "instance": beat.server_instance_id,
                    "not_before": sortable(beat.not_before),
                    "not_after": sortable(beat.not_after),
                },
            )
        )

    async def revive(self, session_id: str, server_instance_id: str, seen: datetime, at: datetime) -> bool:
        """Bring a lapsed session back, only if its heartbeat is still `seen`."""
        return await self._items.update(
            Change(
                key=session_id,
                set={"heartbeat_at": sortable(at)},
                condition="#status = :active AND #server_instance_id = :instance AND #heartbeat_at = :seen",
                given={"active": items.ACTIVE, "instance": server_instance_id, "seen": sortable(seen)},
            )
        )

    async def end(self, session_id: str, at: datetime) -> bool:
        """End a session; False when it is missing, ended or revoked already."""
        return await self._items.update(
            Change(
                key=session_id,
                set={"status": items.ENDED, "ended_at": sortable(at)},
                condition="#status = :active",
                given={"active": items.ACTIVE},
            )
        )

    async def revoke(self, session_id: str, revocation: Revocation) -> Session:
        """Cut a session off; the first revocation stays. Raises NotFound."""
        if session_id.startswith(BLOCK_PREFIX):
            raise BadInput(f"{session_id!r} is not a session")
        outcome = await self._items.update_and_see(
            Change(
                key=session_id,
                set=items.revocation(revocation),
                condition="attribute_exists(#id) AND attribute_not_exists(#revoked_at)",
            )
        )
        there = outcome.item if isinstance(outcome, Refusal) else outcome
        if there is None:
            raise NotFound(f"there is no session {session_id}", hint="list them: sentinel server-sessions")
        try:
            return items.read_session(there)
        except ValueError as error:
            raise StoreUnavailable(
                f"session {session_id} is revoked, but its row cannot be read: {error}", hint=""
            ) from error

    async def sessions(
        self, query: SessionQuery, now: datetime, limit: int, token: str | None = None
    ) -> Page:
        """One page, newest first, from the index that leaves the least to filter."""
        checked_limit(limit)
        after = read_token(query, token)
        index, value = _index_for(query)
        start = None
        if after is not None:
            start = {KEY: after.id, index.partition: value, index.sort: sortable(after.started_at)}
        found: list[Session] = []
        unreadable: list[str] = []
        async for item in self._items.query(_request(index, value, query.since, newest=True), start):
            try:
                session = items.read_session(item)
            except ValueError:
                unreadable.append(str(item.get(KEY)))
                continue
            if matches(query, session, now):
                found.append(session)
            if len(found) > limit:
                break
        return page_of(query, found, limit, unreadable)

    async def block(self, block: Block) -> None:
        """Write a block, replacing one under the same key."""
        await self._items.put(items.block_item(block))

    async def lift(self, key: BlockKey, by: str, at: datetime) -> Block:
        """Lift a block. Raises NotFound when none is in force."""
        outcome = await self._items.update_and_see(
            Change(
                key=items.block_id(key),
                set={"lifted_at": sortable(at), "lifted_by": by},
                condition="attribute_exists(#id) AND attribute_not_exists(#lifted_at)"
                " AND (attribute_not_exists(#until) OR #until > :lifted_at)",
            )
        )
        if isinstance(outcome, Refusal):
            raise NotFound(f"no block on {key} is in force", hint="list them: sentinel server-blocks")
        return self._read(items.read_block, outcome)

    async def blocks(self) -> tuple[Block, ...]:
        """Every block ever written, oldest first."""
        request = _request(BY_KIND, items.BLOCK_KIND, None, newest=False)
        found = [
            self._read(items.read_block, item)
            async for item in self._items.query(request)
            if str(item.get(KEY)).startswith(BLOCK_PREFIX)  # the holder of a session can write any `kind`
        ]
        return tuple(sorted(found, key=lambda block: (block.at, str(block.key))))

    async def close(self) -> None:
        """Close the clients, if they were given with a way to."""
        if self._on_close is not None:
            await self._on_close()

    def _read(self, reader: Callable[[Item], T], item: Item) -> T:
        try:
            return reader(item)
        except (ValueError, BadInput) as error:
            raise StoreUnavailable(
                f"row {item.get(KEY)!r} in {self._ref.url} cannot be read: {error}"
            ) from error


async def open_dynamodb_sessions(
    session: AwsSession,
    table: str,
    ref: StoreRef,
    region: str | None = None,
    *,
    ledgers: Mapping[Ledger, str] | None = None,
    elsewhere: ReadRows | None = None,
) -> DynamoDbSessions:
    """A store with two clients of its own, which `close` closes: one that retries, one for `standing`."""
    async with AsyncExitStack() as stack:
        patient = await stack.enter_async_context(session.calls("dynamodb", region=region))
        urgent = await stack.enter_async_context(session.calls("dynamodb", URGENT, region=region))
        return DynamoDbSessions(
            patient,
            table,
            ref,
            urgent=urgent,
            ledgers=ledgers,
            elsewhere=elsewhere,
            on_close=stack.pop_all().aclose,
        )


def _index_for(query: SessionQuery) -> tuple[Index, str]:
    for index, value in ((BY_PERSON, query.person), (BY_USER, query.user), (BY_PROFILE, query.profile)):
        if value is not None:
            return index, value
    if query.state is not None:
        return BY_STATUS, _STATUS[query.state]
    return BY_KIND, items.SESSION_KIND


_STATUS = {
    State.ACTIVE: items.ACTIVE,
    State.LAPSED: items.ACTIVE,
    State.EXPIRED: items.ACTIVE,
    State.ENDED: items.ENDED,
    State.REVOKED: items.REVOKED,
}


def _request(index: Index, value: str, since: datetime | None, *, newest: bool) -> dict[str, Any]:
    names = {"#p": index.partition}
    values: dict[str, Any] = {":p": {"S": value}}
    condition = "#p = :p"
    if since is not None:
        names["#s"] = index.sort
        values[":s"] = {"S": sortable(since)}
        condition += " AND #s >= :s"
    return {
        "IndexName": index.name,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": not newest,
        "Limit": 500,
    }
