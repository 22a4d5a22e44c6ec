"""Makes DynamoDB tables and completes the ones that are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, assert_never

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import aws_errors, error_code
from sentinel_server.errors import UpstreamFailed
from sentinel_server.provisioning.apply import Outcome
from sentinel_server.provisioning.desired import KEY, Index, Table
from sentinel_server.provisioning.plan import AddIndex, CreateTable, ForgetBy, Found, Guard, Step, TurnOn

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

_UNSUPPORTED = frozenset({"UnknownOperationException", "InvalidAction", "NotImplemented"})
_ENCRYPTED = {"Enabled": True, "SSEType": "KMS"}
_PROTECTED = {"DeletionProtectionEnabled": True}
_RECOVERABLE = {"PointInTimeRecoveryEnabled": True}


class DynamoDbProvisioner:
    """A Provisioner over one DynamoDB client; it looks again every `poll` seconds, for at most `patience`."""

    def __init__(self, client: DynamoDBClient, *, poll: float = 2.0, patience: float = 900.0) -> None:
        self._client: Any = client
        self._poll = poll
        self._patience = patience

    async def find(self, name: str) -> Found | None:
        """The table as it is now, once it is usable; None when there is none."""
        with aws_errors(f"looking at table {name}", UpstreamFailed):
            if await self._describe(name) is None:
                return None
            described = await self._usable(name)
            return Found(
                name=name,
                keys=_keys(described["KeySchema"]),
                indexes=tuple(_index(each) for each in described.get("GlobalSecondaryIndexes", ())),
                guards=frozenset(await self._guards(name, described)),
                ttl=await self._ttl(name),
            )

    async def perform(self, step: Step) -> Outcome:
        """Do one step and wait until the table and all its indexes are active."""
        with aws_errors(str(step), UpstreamFailed):
            try:
                await self._start(step)
            except ClientError as error:
                if isinstance(step, TurnOn | ForgetBy) and _unsupported(error):
                    return Outcome.UNSUPPORTED
                raise
            await self._usable(step.table.name)
        return Outcome.DONE

    async def _start(self, step: Step) -> None:
        match step:
            case CreateTable(table=table):
                await self._client.create_table(**_creation(table))
            case AddIndex(table=table, index=index):
                await self._client.update_table(
                    TableName=table.name,
                    AttributeDefinitions=_attributes((index,)),
                    GlobalSecondaryIndexUpdates=[{"Create": _index_request(index)}],
                )
            case TurnOn(table=table, guard=guard):
                await self._turn_on(table.name, guard)
            case ForgetBy(table=table, attribute=attribute):
                await self._client.update_time_to_live(
                    TableName=table.name,
                    TimeToLiveSpecification={"Enabled": True, "AttributeName": attribute},
                )
            case _:
                assert_never(step)

    async def _turn_on(self, name: str, guard: Guard) -> None:
        match guard:
            case Guard.POINT_IN_TIME_RECOVERY:
                await self._client.update_continuous_backups(
                    TableName=name, PointInTimeRecoverySpecification=_RECOVERABLE
                )
            case Guard.DELETION_PROTECTION:
                await self._client.update_table(TableName=name, **_PROTECTED)
            case Guard.KMS_ENCRYPTION:
                await self._client.update_table(TableName=name, SSESpecification=_ENCRYPTED)
            case _:
                assert_never(guard)

    async def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = (await self._client.describe_table(TableName=name))["Table"]
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return found

    async def _usable(self, name: str) -> dict[str, Any]:
        """The description once everything is ACTIVE. A table just made may not be seen at first."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while loop.time() < deadline:
            described = await self._describe(name)
            if described and all(state == "ACTIVE" for state in _states(described)):
                return described
            await asyncio.sleep(self._poll)
        raise UpstreamFailed(
            f"table {name} is not ready after {self._patience:.0f} s", hint="run it again later"
        )

    async def _guards(self, name: str, described: dict[str, Any]) -> set[Guard]:
        on: set[Guard] = set()
        if described.get("DeletionProtectionEnabled"):
            on.add(Guard.DELETION_PROTECTION)
        if described.get("SSEDescription", {}).get("SSEType") == "KMS":
            on.add(Guard.KMS_ENCRYPTION)
        if await self._recoverable(name):
            on.add(Guard.POINT_IN_TIME_RECOVERY)
        return on

    async def _ttl(self, name: str) -> str | None:
        told = (await self._client.describe_time_to_live(TableName=name))["TimeToLiveDescription"]
        on = told["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
        return str(told["AttributeName"]) if on else None

    async def _recoverable(self, name: str) -> bool:
        try:
            answer = await self._client.describe_continuous_backups(TableName=name)
        except ClientError as error:
            if _unsupported(error):
                return False
            raise
        backups = answer["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        return bool(recovery == "ENABLED")


def _unsupported(error: ClientError) -> bool:
    """Emulators do not know the operation, or ignore the setting and then find nothing to update."""
    return error_code(error) in _UNSUPPORTED or "Nothing to update" in str(error)


def _creation(table: Table) -> dict[str, Any]:
    return {
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [_attribute(KEY), *_attributes(table.indexes)],
        "KeySchema": _schema(KEY),
        "GlobalSecondaryIndexes": [_index_request(index) for index in table.indexes],
        "SSESpecification": _ENCRYPTED,
        **_PROTECTED,
    }


def _index_request(index: Index) -> dict[str, Any]:
    return {
        "IndexName": index.name,
        "KeySchema": _schema(index.partition, index.sort),
        "Projection": {"ProjectionType": index.projection},
    }


def _schema(*names: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]


def _attributes(indexes: tuple[Index, ...]) -> list[dict[str, str]]:
    names = dict.fromkeys(name for index in indexes for name in (index.partition, index.sort))
    return [_attribute(name) for name in names]


def _attribute(name: str) -> dict[str, str]:
    return {"AttributeName": name, "AttributeType": "S"}


def _keys(schema: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in sorted(schema, key=lambda key: key["KeyType"]))


def _index(described: dict[str, Any]) -> Index:
    partition, *sort = _keys(described["KeySchema"])
    return Index(
        name=described["IndexName"],
        partition=partition,
        sort=sort[0] if sort else "",
        projection=described["Projection"]["ProjectionType"],
    )


def _states(described: dict[str, Any]) -> list[str]:
    indexes = described.get("GlobalSecondaryIndexes", ())
    return [described["TableStatus"], *(index["IndexStatus"] for index in indexes)]
