"""DynamoDB as our stores use it: items as plain values, conditional writes as a yes or no, hedged reads.

`Items` speaks one table's language: text, whole numbers and absence. An attribute that is None is not written
at all, because an index cannot hold an empty key and a condition must be able to ask for absence.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import aws_errors, error_code
from sentinel_server.bucket import Bucket
from sentinel_server.errors import SentinelError, StoreUnavailable
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

T = TypeVar("T")
U = TypeVar("U")
Value = str | int
Item = Mapping[str, Value]
"""A row: attribute to text or whole number."""

_BUSY = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "TransactionConflictException",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
WRITE_ATTEMPTS = 8
"""How often a write is sent to a table that is busy: some 6 s in all."""

PROOF = {"ReturnConsumedCapacity": "TOTAL"}
"""Asked for with every write: without it a good answer is empty, and anybody's page with status 200, such as
that of a hotel's network, would read like it.
"""

_WHOLE = re.compile(r"-?[0-9]{1,38}")
_NAME = re.compile(r"#(\w+)")


@frozen
class Change:
    """One conditional update of one item.

    `given` are values that only the condition uses. In the texts, attributes are written `#name` and values
    `:name`; an attribute in `set` is set to its own value.
    """

    key: str
    set: Mapping[str, Value | None]
    condition: str
    given: Mapping[str, Value] | None = None


@frozen
class Refusal:
    """A condition that did not hold; `item` is what is there instead, if anything."""

    item: Item | None


class Items:
    """The items of one table, through one client. Raises StoreUnavailable and the like from every method."""

    def __init__(self, client: DynamoDBClient, table: str, key: str) -> None:
        self._client: Any = client
        self._table = table
        self._key = key

    async def update(self, change: Change) -> bool:
        """Whether the condition held; if not, nothing is written. Names no attribute but `change`'s."""
        with self._errors("writing to"):
            try:
                self._proven(await self._update(change, {}))
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True

    async def update_and_see(self, change: Change) -> Item | Refusal:
        """The item as it now is, or as it is instead; busy tables are tried again for some seconds."""
        see = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        with self._errors("writing to"):
            try:
                answer = await stubborn(lambda: self._update(change, see))
            except self._client.exceptions.ConditionalCheckFailedException as error:
                there = error.response.get("Item")
                return Refusal(item=read_item(there) if there else None)
            return read_item(answer["Attributes"])

    async def put(self, item: Mapping[str, Value | None]) -> None:
        """Write a whole item, replacing what is under its key; busy tables are tried again."""
        whole = {name: write_value(value) for name, value in item.items() if value is not None}
        request = {"TableName": self._table, "Item": whole, **PROOF}
        with self._errors("writing to"):
            self._proven(await stubborn(lambda: self._client.put_item(**request)))

    async def get(self, keys: Sequence[str]) -> tuple[Item, ...]:
        """The items found under `keys`, in one strongly consistent read. An answer in part is an error."""
        return (await look(self._client, {self._table: keys}, self._key))[self._table]

    async def query(
        self, request: Mapping[str, Any], start: Mapping[str, str] | None = None
    ) -> AsyncIterator[Item]:
        """The items of an index query, page by page; `start` is the key of the item to go on after."""
        position: Any = None if start is None else {name: {"S": value} for name, value in start.items()}
        while True:
            more = {} if position is None else {"ExclusiveStartKey": position}
            with self._errors("listing"):
                answer = await self._client.query(TableName=self._table, **request, **more)
            for row in answer["Items"]:
                yield read_item(row)
            position = answer.get("LastEvaluatedKey")
            if not position:
                return

    async def _update(self, change: Change, more: Mapping[str, str]) -> Any:
        written = {name: value for name, value in change.set.items() if value is not None}
        given = {**written, **(change.given or {})}
        named = set(_NAME.findall(change.condition))
        return await self._client.update_item(
            TableName=self._table,
            Key={self._key: {"S": change.key}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in written),
            ConditionExpression=change.condition,
            ExpressionAttributeNames={f"#{name}": name for name in named | written.keys()},
            ExpressionAttributeValues={f":{name}": write_value(value) for name, value in given.items()},
            **PROOF,
            **more,
        )

    def _proven(self, answer: Mapping[str, Any]) -> None:
        if not answer.get("ConsumedCapacity"):
            raise no_answer(self._table)

    def _errors(self, doing: str) -> AbstractContextManager[None]:
        return table_errors(self._client, doing, self._table)


async def look(
    client: DynamoDBClient, wanted: Mapping[str, Sequence[str]], key: str
) -> Mapping[str, tuple[Item, ...]]:
    """The items found under the keys wanted of each table, in one strongly consistent read of all tables.

    An answer in part, or without one of the tables, is StoreUnavailable.
    """
    asked: Any = {
        table: {"Keys": [{key: {"S": each}} for each in keys], "ConsistentRead": True}
        for table, keys in wanted.items()
    }
    with table_errors(client, "reading", *wanted):
        answer: Any = await client.batch_get_item(RequestItems=asked)
        if answer.get("UnprocessedKeys"):
            raise StoreUnavailable(f"table {' or '.join(wanted)} is too busy to answer in full")
        responses = answer["Responses"]
        # A table without the items is answered by an empty list under its name; no list is no answer,
        # and must not read as "nobody is blocked".
        if len(responses) != len(wanted):
            raise StoreUnavailable(f"reading table {' and '.join(wanted)}: the answer is not of these tables")
        return {table: _rows_of(responses, table, key, keys) for table, keys in wanted.items()}


def _rows_of(responses: Any, table: str, key: str, wanted: Sequence[str]) -> tuple[Item, ...]:
    """A table asked for by its ARN may be answered under its name. Raises KeyError for any other answer."""
    found = responses[table if table in responses else table.rpartition("/")[2]]
    if not isinstance(found, list):
        raise TypeError("no list is no answer either")
    rows = tuple(read_item(row) for row in found)
    if not {row[key] for row in rows} <= set(wanted):
        raise KeyError("somebody else's rows")
    return rows


def no_answer(*tables: str) -> StoreUnavailable:
    """What something else than DynamoDB said to a write with `PROOF` comes to."""
    return StoreUnavailable(f"writing to table {' and '.join(tables)}: the answer is not one")


@contextmanager
def table_errors(
    client: Any, doing: str, *tables: str, denied: type[SentinelError] | None = None
) -> Iterator[None]:
    """Raises what goes wrong with `tables` inside as StoreUnavailable and the like; what permissions do not
    allow as `denied`, when given.
    """
    what = f"table {' and '.join(tables)}"
    with aws_errors(f"{doing} {what}", StoreUnavailable, denied):
        try:
            yield
        except client.exceptions.ResourceNotFoundException as error:
            raise StoreUnavailable(
                f"there is no {what} in this account and region",
                hint="make what is missing: sentinel init all",
            ) from error
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreUnavailable(f"{doing} {what}: the answer is not one") from error


async def together(one: Awaitable[T], other: Awaitable[U]) -> tuple[T, U]:
    """What both give, awaited at the same time; when one fails, the other is cancelled."""
    first, second = asyncio.ensure_future(one), asyncio.ensure_future(other)
    try:
        return await asyncio.gather(first, second)
    finally:
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def hedged(
    read: Callable[[], Awaitable[T]], *, after: float, within: float, hedges: Bucket | None = None
) -> T:
    """What `read` gives; begun a second time when it has failed, or not answered `after` seconds.

    The first good answer wins and the other attempt is cancelled. Without one of `hedges` left a slow attempt
    stays alone. Raises the last failure when all failed, StoreUnavailable when nothing has come `within`
    seconds of the call.
    """
    tasks: list[asyncio.Task[T]] = []

    async def race() -> T:
        tasks.append(asyncio.ensure_future(read()))
        await asyncio.wait(tasks, timeout=after)
        failed = tasks[0].done() and not _good(tasks)
        if failed or (not tasks[0].done() and _may(hedges)):
            tasks.append(asyncio.ensure_future(read()))
        while not _good(tasks) and (running := [task for task in tasks if not task.done()]):
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        return (_good(tasks) or tasks[-1]).result()

    try:
        async with asyncio.timeout(within):
            return await race()
    except TimeoutError:
        raise StoreUnavailable(f"the store did not answer within {within * 1000:.0f} ms") from None
    finally:
        left = [task for task in tasks if not task.done() or task.cancelled() or task.exception()]
        for task in left:
            task.cancel()
        if left:  # mostly nothing is, and a fetch need not wait for that
            await asyncio.gather(*left, return_exceptions=True)


def _may(hedges: Bucket | None) -> bool:
    return hedges is None or hedges.take_one_there(asyncio.get_running_loop().time())


def _good(tasks: Sequence[asyncio.Task[T]]) -> asyncio.Task[T] | None:
    return next((task for task in tasks if task.done() and task.exception() is None), None)


def busy(error: ClientError) -> bool:
    """Whether the table is only busy, so that the same may be tried again."""
    return error_code(error) in _BUSY


async def stubborn(
    write: Callable[[], Awaitable[T]],
    *,
    again: Callable[[ClientError], bool] = busy,
    attempts: int = WRITE_ATTEMPTS,
) -> T:
    """`write`, again while the table is busy, with growing random pauses."""
    for attempt in range(attempts - 1):
        try:
            return await write()
        except ClientError as error:
            if not again(error):
                raise
        await asyncio.sleep(random.uniform(0, min(2.0, 0.05 * 2**attempt)))  # noqa: S311 (jitter)
    return await write()


def write_value(value: Value) -> dict[str, str]:
    """A value as DynamoDB takes it."""
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def read_item(row: Mapping[str, Mapping[str, Any]]) -> Item:
    """The attributes of a row as DynamoDB gives them."""
    return {name: _read(cell) for name, cell in row.items()}


def _read(cell: Mapping[str, Any]) -> Value:
    """Text or a whole number. Anything else becomes text that no reader of ours accepts as a value."""
    if "S" in cell:
        return str(cell["S"])
    number = str(cell.get("N", ""))
    return int(number) if _WHOLE.fullmatch(number) else ""
