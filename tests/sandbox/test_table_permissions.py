"""The permissions we generate for the sessions table, tried out: nobody undoes their own revocation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.provisioning.desired import Family
from sentinel_server.provisioning.iam import ROLES, Role, policy, table_arn
from tests.fakes.aws import Sandbox, embedded_aws

TABLE = "sentinel-sessions"
SESSION = {"id": {"S": "0123456789abcdef"}}
BLOCK = {"id": {"S": "block#person#ann"}}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        dynamodb = running.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield running


@pytest.fixture
def acting(sandbox: Sandbox, clients: dict[Role, Any]) -> dict[Role, Any]:
    """The clients, and a session that was revoked and a block that holds."""
    dynamodb = sandbox.client("dynamodb")
    revoked = {**SESSION, "status": {"S": "active"}, "revoked_at": {"S": "then"}}
    dynamodb.put_item(TableName=TABLE, Item=revoked)
    dynamodb.put_item(TableName=TABLE, Item={**BLOCK, "kind": {"S": "block"}})
    return clients


@pytest.fixture(scope="module")
def clients(sandbox: Sandbox) -> dict[Role, Any]:
    """A client of the table for every role."""
    arn = table_arn(region="us-east-1", account=sandbox.aws.account_id, table=TABLE)
    users = {
        role: sandbox.aws.add_user(role.value, policy=policy(role, {Family.SESSIONS: arn}))
        for role in ROLES[Family.SESSIONS]
    }
    return {role: sandbox.client("dynamodb", keys) for role, keys in users.items()}


def update(client: Any, key: Any, expression: str, **more: Any) -> Any:
    values = {":v": {"S": "now"}} if ":v" in expression else None
    asked = {"TableName": TABLE, "Key": key, "UpdateExpression": expression, **more}
    return client.update_item(**asked, **({"ExpressionAttributeValues": values} if values else {}))


def refused(call: Any, *args: Any, **params: Any) -> None:
    with pytest.raises(ClientError, match="AccessDeniedException"):
        call(*args, **params)


def test_a_developer_sees_a_revocation_and_cannot_touch_it(acting: dict[Role, Any]) -> None:
    developer = acting[Role.DEVELOPER]
    assert developer.get_item(TableName=TABLE, Key=SESSION)["Item"]["revoked_at"] == {"S": "then"}
    update(developer, SESSION, "SET ended_at = :v")
    for undoing in ("REMOVE revoked_at", "SET revoked_at = :v", "SET ended_at = :v REMOVE revoked_by"):
        refused(update, developer, SESSION, undoing)
    refused(developer.put_item, TableName=TABLE, Item=SESSION)
    refused(developer.delete_item, TableName=TABLE, Key=SESSION)
    refused(developer.batch_write_item, RequestItems={TABLE: [{"PutRequest": {"Item": SESSION}}]})


def test_a_developer_cannot_lift_a_block_or_write_in_a_transaction(acting: dict[Role, Any]) -> None:
    developer = acting[Role.DEVELOPER]
    refused(update, developer, BLOCK, "SET ended_at = :v")
    hidden = {"TableName": TABLE, "Key": SESSION, "UpdateExpression": "REMOVE ended_at"}
    refused(developer.transact_write_items, TransactItems=[{"Update": hidden}])
    refused(update, developer, SESSION, "SET ended_at = :v", ReturnValues="ALL_NEW")


def test_security_revokes_and_blocks(acting: dict[Role, Any]) -> None:
    security = acting[Role.SECURITY]
    update(security, SESSION, "SET revoked_at = :v, revoked_by = :v")
    update(security, BLOCK, "SET lifted_at = :v, lifted_by = :v")
    security.put_item(TableName=TABLE, Item={"id": {"S": "block#person#bob"}, "kind": {"S": "block"}})
    refused(security.put_item, TableName=TABLE, Item=SESSION)
    refused(update, security, SESSION, "SET ended_at = :v")


def test_an_auditor_reads_only(acting: dict[Role, Any]) -> None:
    auditor = acting[Role.AUDITOR]
    assert auditor.get_item(TableName=TABLE, Key=SESSION)["Item"]
    refused(update, auditor, SESSION, "SET ended_at = :v")
