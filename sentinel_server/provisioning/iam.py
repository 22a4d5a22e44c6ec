"""The IAM policies of the sessions table, one for each role. The same text every time, in any partition.

A *developer* holds sessions: reads them and every block, and writes what `OWNER_ATTRIBUTES` names, so that
nobody can write, change or remove the revocation that stops them. *Security* revokes and blocks. An *auditor*
reads.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import Enum

from sentinel_server.errors import InvalidSetting
from sentinel_server.provisioning.desired import (
    BLOCK_ATTRIBUTES,
    BLOCK_PREFIX,
    BY_PERSON,
    KEY,
    REVOCATION_ATTRIBUTES,
    SORT,
    Index,
)
from sentinel_server.provisioning.desired import OWNER_ATTRIBUTES as OWNER

Statement = Mapping[str, object]
Document = Mapping[str, object]
"""An IAM policy document."""


class Role(Enum):
    """Whose policy; the value is its word on the command line."""

    DEVELOPER = "developer"
    SECURITY = "security"
    AUDITOR = "auditor"


def table_arn(*, region: str, account: str, table: str) -> str:
    """The ARN of a table, in the partition of its region; a `table` that is an ARN already is handed back.

    Raises InvalidSetting for an account that is not 12 digits.
    """
    if table.startswith("arn:"):
        return table
    if len(account) != 12 or not (account.isascii() and account.isdecimal()):
        raise InvalidSetting(f"{account!r} is not an AWS account (12 digits)")
    return f"arn:{partition_of(region)}:dynamodb:{region}:{account}:table/{table}"


def partition_of(region: str) -> str:
    """The partition a region belongs to.

    https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
    """
    return next((name for prefix, name in _PARTITIONS if region.startswith(prefix)), "aws")


_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-isof-", "aws-iso-f"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-iso-", "aws-iso"),
    ("eusc-", "aws-eusc"),
)


def policy(role: Role, arn: str) -> Document:
    """The identity policy of a role for the sessions table with this ARN."""
    return {"Version": "2012-10-17", "Statement": _statements(role, arn)}


def text(document: Document) -> str:
    """The document as JSON, the same text every time."""
    return json.dumps(document, indent=2)


def _statements(role: Role, arn: str) -> list[Statement]:
    match role:
        case Role.DEVELOPER:
            return [_read(arn, (BY_PERSON,)), _hold(arn)]
        case Role.SECURITY:
            return [_read(arn, None), _revoke(arn), _block(arn), _lift(arn)]
        case Role.AUDITOR:
            return [_read(arn, None)]


def _read(arn: str, indexes: Sequence[Index] | None) -> Statement:
    """Without a condition on attributes: who may not write a revocation must still see it."""
    names = ["*"] if indexes is None else [index.name for index in indexes]
    return {
        "Sid": "ReadSessionsAndBlocks",
        "Effect": "Allow",
        "Action": ["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query"],
        "Resource": [arn, *(f"{arn}/index/{name}" for name in names)],
    }


def _hold(arn: str) -> Statement:
    return _update(
        "HoldSessions",
        arn,
        OWNER,
        keys={"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": [f"{BLOCK_PREFIX}*"]}},
        values={"StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE"]}},
    )


def _revoke(arn: str) -> Statement:
    return _update(
        "RevokeSessions",
        arn,
        (KEY, "status", *REVOCATION_ATTRIBUTES),
        keys={"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": [f"{BLOCK_PREFIX}*"]}},
    )


def _lift(arn: str) -> Statement:
    return _update(
        "LiftBlocks",
        arn,
        (KEY, "until", "lifted_at", "lifted_by"),
        keys={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{BLOCK_PREFIX}*"]}},
    )


def _block(arn: str) -> Statement:
    return {
        "Sid": "WriteBlocks",
        "Effect": "Allow",
        "Action": ["dynamodb:PutItem"],
        "Resource": [arn],
        "Condition": {
            "ForAllValues:StringEquals": {
                "dynamodb:Attributes": sorted((KEY, "kind", SORT, *BLOCK_ATTRIBUTES))
            },
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{BLOCK_PREFIX}*"]},
            **_PLAIN,
        },
    }


def _update(
    sid: str,
    arn: str,
    attributes: Sequence[str],
    *,
    keys: Mapping[str, object],
    values: Mapping[str, object] | None = None,
) -> Statement:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": ["dynamodb:UpdateItem"],
        "Resource": [arn],
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": sorted(attributes)},
            **keys,
            **(values or {}),
            **_PLAIN,
        },
    }


_PLAIN: Mapping[str, object] = {
    "Null": {"dynamodb:Attributes": "false", "dynamodb:LeadingKeys": "false"},
    "ForAllValues:StringNotEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]},
}
"""`ForAllValues` is true of a key that is not there, so the keys must be there. No transactions."""
