"""The shared ledgers: a DynamoDB table for each, in which roles may write different attributes.

A commit is one transaction of updates. Each names its row's key, its version and the attributes it changes,
in conditions too, because IAM allows attributes by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws import record_items as items
from sentinel_server.adapters.aws.answers import error_code
from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.dynamodb import (
    PROOF,
    WRITE_ATTEMPTS,
    Items,
    busy,
    look,
    no_answer,
    stubborn,
    table_errors,
)
from sentinel_server.clock import Ids, SystemIds
from sentinel_server.errors import StoreRefused, StoreUnavailable
from sentinel_server.provisioning.desired import KEY
from sentinel_server.records.model import Change, Found, Lacking, Ledger, Ref, Row, Search
from sentinel_server.records.rules import checked_changes, checked_page, checked_refs, page_of

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

_CONFLICTS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that go away.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


class DynamoDbRecords:
    """Records in DynamoDB tables, each given by its name or its ARN, all in the client's region.

    `ids` make the tokens by which DynamoDB knows a commit that is sent again, as it is up to `attempts`
    times. `on_close` closes what the client needs closed.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        tables: Mapping[Ledger, str],
        *,
        ids: Ids | None = None,
        attempts: int = WRITE_ATTEMPTS,
        on_close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._client: Any = client
        self._tables = tables
        self._ids = ids or SystemIds()
        self._attempts = attempts
        self._on_close = on_close

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows found under `refs`, in one consistent read of all tables."""
        asked = checked_refs(refs)
        if not asked:
            return {}
        found = await look(self._client, items.keys_by_table(asked, self._tables), KEY)
        return items.rows_found(asked, self._tables, found)

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make all changes in one transaction, again for some seconds while others hold its rows."""
        if not checked_changes(changes):
            return True
        if any(isinstance(change.seen, int) and change.seen < 1 for change in changes):
            return False  # no row of ours has such a version, and one that was spoiled must not match it
        tables = sorted({self._tables[change.ref.ledger] for change in changes})
        ends = any(isinstance(change.seen, Lacking) for change in changes)
        with table_errors(self._client, "writing to", *tables, denied=StoreRefused):
            try:
                await self._send(changes)
            except ClientError as error:
                invalid = error_code(error) == "ValidationException" or "ValidationError" in _reasons(error)
                if not ends or not invalid:
                    return _refused(error)
                return await self._end(changes)
        return True

    async def _end(self, changes: Sequence[Change]) -> bool:
        """The same, where somebody has made a version something that cannot be raised."""
        try:
            await self._send(changes, spoiled=True)
        except ClientError as error:
            return _refused(error)
        return True

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """One page of a search, from the index made for it."""
        after = checked_page(search, limit, token)
        start = None if after is None else items.start_after(search, after.created_at, after.key)
        table = Items(self._client, self._tables[search.ledger], KEY)
        found: list[Row] = []
        async for item in table.query({**items.query(search), "Limit": limit + 1}, start):
            found.append(items.read_row(search.ledger, item))
            if len(found) > limit:
                break
        return page_of(search, found, limit)

    async def _send(self, changes: Sequence[Change], *, spoiled: bool = False) -> None:
        updates = [items.update(each, self._tables[each.ref.ledger], spoiled=spoiled) for each in changes]
        request = {
            "TransactItems": [{"Update": update} for update in updates],
            "ClientRequestToken": self._ids.fresh(),
            **PROOF,
        }
        answer = await stubborn(
            lambda: self._client.transact_write_items(**request), again=_passes, attempts=self._attempts
        )
        if answer.get("ConsumedCapacity") is None:
            raise no_answer(*sorted({str(update["TableName"]) for update in updates}))

    async def close(self) -> None:
        """Close the client, if it was given with a way to."""
        if self._on_close is not None:
            await self._on_close()


async def open_dynamodb_records(
    session: AwsSession, tables: Mapping[Ledger, str], region: str | None = None
) -> DynamoDbRecords:
    """Ledgers with a client of their own, which `close` closes."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(session.calls("dynamodb", region=region))
        return DynamoDbRecords(client, tables, on_close=stack.pop_all().aclose)


def _passes(error: ClientError) -> bool:
    """Whether it may go otherwise in a moment: a cancelled transaction in which no version was wrong."""
    reasons = _reasons(error)
    if _WRONG in reasons:
        return False
    return busy(error) or bool(reasons & _CONFLICTS) or error_code(error) == "TransactionInProgressException"


def _refused(error: ClientError) -> bool:
    """False when a version was wrong; otherwise raises the error."""
    if _WRONG in _reasons(error):
        return False
    if _reasons(error) & _CONFLICTS:
        raise StoreUnavailable(
            "others kept writing the same rows for seconds; nothing was written"
        ) from error
    raise error


_WRONG = "ConditionalCheckFailed"


def _reasons(error: ClientError) -> set[str]:
    """Why each part of a transaction was cancelled; none of any other error."""
    if error_code(error) != "TransactionCanceledException":
        return set()
    told: Any = error.response.get("CancellationReasons", ())
    return {str(reason.get("Code")) for reason in told}
