"""In the shared store a revocation is written by people whom the revoked cannot stop.

The table is in Amazon's own emulator, behind a front that judges every call by the caller's IAM policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.sandbox.seed import TABLE
from tests.fakes import dynamodb_local
from tests.fakes.aws import client
from tests.fakes.aws_clients import at_work
from tests.fakes.deployment import Deployment, deployment
from tests.fakes.forks import Forks

WHY = "INC-42 laptop stolen"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Deployment]:
    """A home with its policies in SSM and its sessions in DynamoDB Local."""
    url = dynamodb_local.endpoint()
    with deployment(tmp_path_factory.mktemp("home"), shared=True, dynamodb_url=url, forks=forks) as made:
        yield made


@pytest.fixture(scope="module")
def printed(home: Deployment) -> Any:
    """What `init sessions` says a developer needs."""
    account = home.aws.account_id
    done = home.run("init", "sessions", "--generate-iam", "developer", "--account", account)
    assert done.code == 0, done.err
    return done.json


@pytest.fixture(scope="module")
def owner(home: Deployment, printed: Any) -> Any:
    """A DynamoDB client that may do this and nothing else."""
    return client(home.aws, "dynamodb", home.aws.add_user("owner", policy=printed))


def test_boto3_is_cut_off_by_another_person(home: Deployment) -> None:
    with at_work(home, "boto3", "--lease", "strict") as at:
        assert at.call().ok
        home.revoke(at.session, WHY)
        said = at.call()
        assert not said.ok
        assert WHY in said.text
        assert f"{home.aws.account_id}:user/security" in said.text
        assert not at.call().ok


def undoing(key: str) -> Mapping[str, Callable[[Any], object]]:
    """Every way to write to the item of this key that DynamoDB has, but PartiQL's."""
    where = {"TableName": TABLE, "Key": {"id": {"S": key}}}
    item = {"id": {"S": key}, "status": {"S": "active"}}
    remove = {**where, "UpdateExpression": "REMOVE revoked_at, revoked_by, revoked_reason, #at", **_ALIAS}
    harmless = {**where, "UpdateExpression": "REMOVE ended_at"}
    return {
        "UpdateItem": lambda by: by.update_item(**remove),
        "UpdateItem as of old": lambda by: by.update_item(
            **where, AttributeUpdates={"revoked_at": {"Action": "DELETE"}}
        ),
        "PutItem": lambda by: by.put_item(TableName=TABLE, Item=item),
        "DeleteItem": lambda by: by.delete_item(**where),
        "BatchWriteItem": lambda by: by.batch_write_item(
            RequestItems={TABLE: [{"DeleteRequest": {"Key": where["Key"]}}]}
        ),
        "TransactWriteItems": lambda by: by.transact_write_items(TransactItems=[{"Update": harmless}]),
        "DeleteTable": lambda by: by.delete_table(TableName=TABLE),
        "a TTL": lambda by: by.update_time_to_live(
            TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "started_at"}
        ),
    }


_ALIAS = {"ExpressionAttributeNames": {"#at": "at"}}


def denied(owner: Any, way: Callable[[Any], object]) -> None:
    with pytest.raises(ClientError) as caught:
        way(owner)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_the_owner_of_a_session_cannot_undo_its_revocation(home: Deployment, owner: Any) -> None:
    with home.door() as door:
        assert door.fetch().status == 200
        home.revoke(door.session, WHY)
        for way in undoing(door.session).values():
            denied(owner, way)
            assert (door.fetch().code, door.fetch().status) == ("SessionRevoked", 403)


def test_the_owner_has_no_partiql(owner: Any, printed: Any) -> None:
    """The sandbox does not judge PartiQL. AWS denies what no statement allows, and none allows it."""
    assert {action for statement in printed["Statement"] for action in statement["Action"]} == {
        "dynamodb:BatchGetItem",
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    }
    with pytest.raises(ClientError):
        owner.execute_statement(Statement=f"UPDATE \"{TABLE}\" REMOVE revoked_at WHERE id = '0'")


def test_the_blocked_cannot_lift_their_block(home: Deployment, owner: Any) -> None:
    person = f"iam:{home.aws.account_id}:dev"
    with home.door() as door:
        done = home.run("server-revoke", "--user", person, "--reason", WHY, "--yes")
        assert done.code == 0, done.err
        for way in undoing(f"block#person#{person}").values():
            denied(owner, way)
            assert (door.fetch().code, door.fetch().status) == ("Blocked", 403)
        lifting = home.run("server-unblock", f"person:{person}", "--yes", AWS_PROFILE="base")
        assert (lifting.code, "AccessDeniedException" in lifting.err) == (6, True)
        assert door.fetch().code == "Blocked"
        assert home.run("server-unblock", f"person:{person}", "--yes").code == 0


def test_the_owner_may_end_and_not_revive_what_is_revoked(home: Deployment, owner: Any) -> None:
    with home.door() as door:
        home.revoke(door.session, WHY)
        where = {"TableName": TABLE, "Key": {"id": {"S": door.session}}}
        now = {":now": {"S": "2040-01-01T00:00:00.000000Z"}}
        owner.update_item(**where, UpdateExpression="SET heartbeat_at = :now", ExpressionAttributeValues=now)
        active = {":status": {"S": "active"}}
        alias = {"#status": "status"}
        owner.update_item(
            **where,
            UpdateExpression="SET #status = :status REMOVE ended_at",
            ExpressionAttributeValues=active,
            ExpressionAttributeNames=alias,
        )
        assert door.fetch().code == "SessionRevoked"
