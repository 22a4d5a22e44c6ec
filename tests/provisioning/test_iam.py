"""The IAM documents: the same text every time, for any partition, and no wider than their role.

That AWS's rules then do what we mean is tried in `tests/sandbox/test_table_permissions.py`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel_server.errors import InvalidSetting
from sentinel_server.provisioning.desired import OWNER_ATTRIBUTES, REVOCATION_ATTRIBUTES
from sentinel_server.provisioning.iam import Role, policy, table_arn, text

ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/sentinel-sessions"


def statements(role: Role) -> dict[str, Any]:
    document = json.loads(text(policy(role, ARN)))
    assert document["Version"] == "2012-10-17"
    return {statement["Sid"]: statement for statement in document["Statement"]}


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_arn_is_of_the_regions_partition(region: str, partition: str) -> None:
    arn = table_arn(region=region, account="012345678901", table="t")
    assert arn == f"arn:{partition}:dynamodb:{region}:012345678901:table/t"


@pytest.mark.parametrize("account", ["", "1", "11112222333x", "1111222233334", "\uff11" * 12])
def test_what_is_no_account_is_refused(account: str) -> None:
    with pytest.raises(InvalidSetting):
        table_arn(region="eu-west-1", account=account, table="t")


@pytest.mark.parametrize("role", Role)
def test_a_document_is_the_same_every_time_and_names_one_table(role: Role) -> None:
    assert text(policy(role, ARN)) == text(policy(role, ARN))
    for statement in statements(role).values():
        assert statement["Effect"] == "Allow"
        assert all(
            resource == ARN or resource.startswith(f"{ARN}/index/") for resource in statement["Resource"]
        )
        assert not any("*" in action for action in statement["Action"])


@pytest.mark.parametrize("role", Role)
def test_nobody_may_delete_scan_write_in_batches_or_use_partiql(role: Role) -> None:
    allowed = {action for statement in statements(role).values() for action in statement["Action"]}
    reading = {"dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query"}
    writing = {
        Role.DEVELOPER: {"dynamodb:UpdateItem"},
        Role.SECURITY: {"dynamodb:UpdateItem", "dynamodb:PutItem"},
        Role.AUDITOR: set[str](),
    }
    assert allowed == reading | writing[role]


def test_a_holder_writes_its_own_attributes_and_no_block() -> None:
    condition = statements(Role.DEVELOPER)["HoldSessions"]["Condition"]
    writable = condition["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert writable == sorted(OWNER_ATTRIBUTES)
    assert not set(writable) & set(REVOCATION_ATTRIBUTES)
    assert condition["ForAllValues:StringNotLike"] == {"dynamodb:LeadingKeys": ["block#*"]}


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SECURITY])
def test_every_write_is_of_named_attributes_of_named_keys(role: Role) -> None:
    """`ForAllValues` alone would let a request pass that has no such key at all."""
    writes = [each for sid, each in statements(role).items() if sid != "ReadSessionsAndBlocks"]
    assert writes
    for statement in writes:
        condition = statement["Condition"]
        assert condition["Null"] == {"dynamodb:Attributes": "false", "dynamodb:LeadingKeys": "false"}
        assert condition["ForAllValues:StringNotEquals"] == {
            "dynamodb:EnclosingOperation": ["TransactWriteItems"]
        }
