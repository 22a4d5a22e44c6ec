"""Tables are made as planned and completed where they fall short, on two emulators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.errors import Findings, UpstreamFailed
from sentinel_server.provisioning.apply import Outcome, apply, missing
from sentinel_server.provisioning.desired import BY_KIND, BY_USER, sessions_table
from sentinel_server.provisioning.plan import AddIndex, CreateTable, Guard, TurnOn
from sentinel_server.sandbox.aws import EmbeddedAws
from tests.fakes.dynamodb_local import client_at, local_client

TABLE = sessions_table("made-here")


@pytest.fixture(params=["moto", "dynamodb local"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        if request.param == "moto":
            aws = stack.enter_context(EmbeddedAws())
            opened = await stack.enter_async_context(client_at(aws.url, aws.root))
        else:
            opened = await stack.enter_async_context(local_client())
        yield opened
        if TABLE.name in (await opened.list_tables())["TableNames"]:
            await opened.update_table(TableName=TABLE.name, DeletionProtectionEnabled=False)
            await opened.delete_table(TableName=TABLE.name)


@pytest.fixture
def provisioner(client: Any) -> DynamoDbProvisioner:
    return DynamoDbProvisioner(client, poll=0.02, patience=30)


async def make_poor_table(client: Any, key: str = "id") -> None:
    """A table as somebody might have made it by hand."""
    await client.create_table(
        TableName=TABLE.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in (key, "user", "created_at")
        ],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": BY_USER.name,
                "KeySchema": [
                    {"AttributeName": "user", "KeyType": "HASH"},
                    {"AttributeName": "created_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


async def test_a_table_is_made_usable_and_protected(client: Any, provisioner: DynamoDbProvisioner) -> None:
    report = await apply(provisioner, TABLE)
    assert report[0].step == CreateTable(table=TABLE)
    table = (await client.describe_table(TableName=TABLE.name))["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"]
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {
        index.name for index in TABLE.indexes
    }


async def test_a_second_run_does_nothing_that_the_endpoint_supports(
    provisioner: DynamoDbProvisioner,
) -> None:
    await apply(provisioner, TABLE)
    for performed in await apply(provisioner, TABLE):
        assert performed.outcome is Outcome.UNSUPPORTED, performed.step


async def test_a_poor_table_is_completed(client: Any, provisioner: DynamoDbProvisioner) -> None:
    await make_poor_table(client)
    steps = await missing(provisioner, TABLE)
    assert AddIndex(table=TABLE, index=BY_KIND) in steps
    assert TurnOn(table=TABLE, guard=Guard.DELETION_PROTECTION) in steps
    await apply(provisioner, TABLE)
    left = [step for step in await missing(provisioner, TABLE) if not isinstance(step, TurnOn)]
    assert left == []
    table = (await client.describe_table(TableName=TABLE.name))["Table"]
    assert table["DeletionProtectionEnabled"]


async def test_a_table_with_another_key_is_left_alone(client: Any, provisioner: DynamoDbProvisioner) -> None:
    await make_poor_table(client, key="PK")
    with pytest.raises(Findings, match="PK"):
        await apply(provisioner, TABLE)


async def test_no_table_is_not_an_error_but_one_in_the_way_is(provisioner: DynamoDbProvisioner) -> None:
    assert await provisioner.find("not-here") is None
    await provisioner.perform(CreateTable(table=TABLE))
    with pytest.raises(UpstreamFailed, match="create table made-here"):
        await provisioner.perform(CreateTable(table=TABLE))


async def test_where_point_in_time_recovery_exists_it_is_turned_on() -> None:
    with EmbeddedAws() as aws:
        async with client_at(aws.url, aws.root) as client:
            provisioner = DynamoDbProvisioner(client, poll=0.02)
            report = await apply(provisioner, TABLE)
            assert {performed.outcome for performed in report} == {Outcome.DONE}
            found = await provisioner.find(TABLE.name)
    assert found is not None
    assert Guard.POINT_IN_TIME_RECOVERY in found.guards
