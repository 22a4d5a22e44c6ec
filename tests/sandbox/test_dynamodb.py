"""DynamoDB's fine-grained access control: what a request touches, and that a revocation cannot be undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.sandbox.conditions import CannotEvaluate
from sentinel_server.sandbox.dynamodb import Tables, names_in, touches
from tests.fakes.aws import Sandbox, embedded_aws

TABLE = "sentinel-sessions"
OWN = ["id", "status", "last_access_at", "ended_at"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        running.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "user", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-user",
                    "KeySchema": [{"AttributeName": "user", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield running


@pytest.fixture(scope="module")
def owner(sandbox: Sandbox) -> Any:
    """A session holder's client: reads named attributes, writes all but `revoked_*`."""
    arn = f"arn:aws:dynamodb:us-east-1:{sandbox.aws.account_id}:table/{TABLE}"
    reading = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:BatchGetItem"],
        "Resource": arn,
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": [*OWN, "revoked_at"]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        },
    }
    writing = {
        "Effect": "Allow",
        "Action": "dynamodb:UpdateItem",
        "Resource": arn,
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": OWN},
            "StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"]},
        },
    }
    keys = sandbox.aws.add_user("owner", policy={"Version": "2012-10-17", "Statement": [reading, writing]})
    return sandbox.client("dynamodb", keys)


@pytest.fixture
def revoked(sandbox: Sandbox) -> dict[str, Any]:
    """The key of a session that the security team has revoked."""
    key = {"id": {"S": "0123456789abcdef"}}
    sandbox.client("dynamodb").put_item(
        TableName=TABLE, Item={**key, "status": {"S": "active"}, "revoked_at": {"S": "2026-01-01"}}
    )
    return {"TableName": TABLE, "Key": key}


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**params)
    error = refusal.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    return str(error["Message"])


def test_an_owner_writes_its_own_attributes(owner: Any, revoked: dict[str, Any]) -> None:
    owner.update_item(
        **revoked,
        UpdateExpression="SET #s = :ended, ended_at = if_not_exists(ended_at, :now)",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":ended": {"S": "ended"}, ":now": {"S": "2026"}},
    )
    found = owner.get_item(
        **revoked, ProjectionExpression="id, #s, revoked_at", ExpressionAttributeNames={"#s": "status"}
    )
    assert found["Item"]["status"] == {"S": "ended"}
    assert found["Item"]["revoked_at"] == {"S": "2026-01-01"}


UNDOING: dict[str, dict[str, Any]] = {
    "plainly": {"UpdateExpression": "REMOVE revoked_at"},
    "by alias": {"UpdateExpression": "REMOVE #r", "ExpressionAttributeNames": {"#r": "revoked_at"}},
    "in depth": {"UpdateExpression": "REMOVE last_access_at SET revoked_at.deep[0] = last_access_at"},
    "by copying": {"UpdateExpression": "SET ended_at = revoked_at"},
    "on condition": {"UpdateExpression": "REMOVE ended_at", "ConditionExpression": "size(revoked_at) > id"},
    "the old way": {"AttributeUpdates": {"revoked_at": {"Action": "DELETE"}}},
}


@pytest.mark.parametrize("way", UNDOING)
def test_an_owner_cannot_touch_a_revocation(owner: Any, revoked: dict[str, Any], way: str) -> None:
    assert "dynamodb:UpdateItem" in refused(owner.update_item, **revoked, **UNDOING[way])


def test_an_owner_cannot_put_delete_or_batch_write_the_row(owner: Any, revoked: dict[str, Any]) -> None:
    key = revoked["Key"]
    message = refused(owner.put_item, TableName=TABLE, Item=key)
    assert message.endswith("because no identity-based policy allows the dynamodb:PutItem action")
    refused(owner.delete_item, **revoked)
    refused(owner.batch_write_item, RequestItems={TABLE: [{"DeleteRequest": {"Key": key}}]})
    refused(owner.transact_write_items, TransactItems=[{"Delete": revoked}])
    refused(owner.scan, TableName=TABLE)


def test_an_owner_cannot_have_the_whole_item_returned(owner: Any, revoked: dict[str, Any]) -> None:
    refused(owner.get_item, **revoked)
    refused(owner.batch_get_item, RequestItems={TABLE: {"Keys": [revoked["Key"]]}})
    refused(
        owner.update_item,
        **revoked,
        UpdateExpression="SET ended_at = :x",
        ExpressionAttributeValues={":x": {"S": "2026"}},
        ReturnValues="ALL_NEW",
    )


def test_partiql_is_not_judged(owner: Any) -> None:
    with pytest.raises(ClientError, match="SandboxCannotTell"):
        owner.execute_statement(Statement=f'SELECT * FROM "{TABLE}"')


def test_leading_keys_hold_a_caller_to_its_own_items(sandbox: Sandbox) -> None:
    own = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchGetItem"],
        "Resource": f"arn:aws:dynamodb:*:*:table/{TABLE}*",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": "${aws:username}"}},
    }
    keys = sandbox.aws.add_user("ann", policy={"Version": "2012-10-17", "Statement": [own]})
    mine = sandbox.client("dynamodb", keys)
    ann, bob = {"S": "ann"}, {"S": "bob"}
    mine.put_item(TableName=TABLE, Item={"id": ann, "user": ann})
    assert mine.get_item(TableName=TABLE, Key={"id": ann})["Item"]
    asked = {"TableName": TABLE, "IndexName": "by-user", "KeyConditionExpression": "#u = :u"}
    named = {"ExpressionAttributeNames": {"#u": "user"}}
    assert mine.query(**asked, **named, ExpressionAttributeValues={":u": ann})["Count"] == 1
    refused(mine.query, **asked, **named, ExpressionAttributeValues={":u": bob})
    refused(mine.get_item, TableName=TABLE, Key={"id": bob})
    refused(mine.put_item, TableName=TABLE, Item={"id": bob, "user": ann})
    refused(mine.batch_get_item, RequestItems={TABLE: {"Keys": [{"id": ann}, {"id": bob}]}})


def test_an_index_is_a_resource_of_its_own(sandbox: Sandbox) -> None:
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": f"arn:aws:dynamodb:*:*:table/{TABLE}"}
    keys = sandbox.aws.add_user("tables", policy={"Version": "2012-10-17", "Statement": [statement]})
    tables = sandbox.client("dynamodb", keys)
    assert tables.describe_table(TableName=TABLE)["Table"]["TableName"] == TABLE
    assert f"table/{TABLE}/index/by-user" in refused(tables.scan, TableName=TABLE, IndexName="by-user")
    refused(tables.list_tables)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("id, #s, a.b[1].#c", {"id", "status", "a"}),
        (
            "SET a = list_append(if_not_exists(b, :e), :x) REMOVE c[0], d ADD n :one DELETE s :s",
            set("abcdns"),
        ),
        ("attribute_not_exists(id) AND (size(v) > :n OR NOT begins_with(w, :p))", {"id", "v", "w"}),
        ("x BETWEEN :a AND :b and y IN (:c, :d)", {"x", "y"}),
    ],
)
def test_the_top_level_names_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert set(names_in(expression, {"#s": "status", "#c": "deep"})) == names


@given(st.lists(st.from_regex(r"[a-z]{9,12}", fullmatch=True), min_size=1, unique=True))
def test_no_attribute_of_an_update_is_overlooked(names: list[str]) -> None:
    plain = " , ".join(f"{name} = :v" for name in names)
    aliased = ",".join(f"#n{place}.x" for place, _ in enumerate(names))
    aliases = {f"#n{place}": name for place, name in enumerate(names)}
    assert set(names_in(f"SET {plain}", {})) == set(names)
    assert set(names_in(f"REMOVE {aliased}", aliases)) == set(names)


def test_every_part_of_a_transaction_is_its_own_action() -> None:
    items = [
        {"Put": {"TableName": "a", "Item": {"id": {"S": "1"}, "x": {"S": "2"}}}},
        {"ConditionCheck": {"TableName": "b", "Key": {"id": {"S": "3"}}, "ConditionExpression": "y = :y"}},
    ]
    first, second = touches("TransactWriteItems", {"TransactItems": items}, Tables())
    assert (first.action, first.table, first.leading) == ("PutItem", "a", ("1",))
    assert first.attributes == {"id", "x"}
    assert first.enclosing == second.enclosing == "TransactWriteItems"
    assert (second.action, second.leading) == ("ConditionCheckItem", ("3",))
    assert second.attributes == {"id", "y"}


def test_what_cannot_be_told_is_not_guessed() -> None:
    with pytest.raises(CannotEvaluate):
        touches("BatchExecuteStatement", {}, Tables())
