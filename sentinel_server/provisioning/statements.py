"""Statements of IAM policies for DynamoDB: reading, and writing named attributes under named keys.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel_server.provisioning.desired import Index

Statement = Mapping[str, object]

TRANSACTION = "TransactWriteItems"

BOUND: Mapping[str, str] = {"dynamodb:Attributes": "false", "dynamodb:LeadingKeys": "false"}
"""`ForAllValues` is true of a key that is not there, so both keys must be there: they are not `Null`."""

Keys = Mapping[str, Mapping[str, list[str]]]


def like(*patterns: str) -> Keys:
    """Rows whose key is of one of these forms."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(patterns)}}


def unlike(*patterns: str) -> Keys:
    """Rows whose key is of none of these forms."""
    return {"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": list(patterns)}}


def reading(sid: str, arn: str, indexes: Sequence[Index] | None, *more: str) -> Statement:
    """Reads of a table and of some of its indexes, or with None of all.

    Without a condition on attributes: who may not write one must still see it.
    """
    names = ["*"] if indexes is None else [index.name for index in indexes]
    actions = ["BatchGetItem", "GetItem", "Query", *more]
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(f"dynamodb:{action}" for action in actions),
        "Resource": [arn, *(f"{arn}/index/{name}" for name in names)],
    }


def finding(sid: str, arn: str, index: Index) -> Statement:
    """Queries of one index of a table, and no other read."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": ["dynamodb:Query"],
        "Resource": [f"{arn}/index/{index.name}"],
    }


def writing(
    sid: str,
    arn: str,
    attributes: Sequence[str],
    keys: Keys,
    *,
    action: str = "UpdateItem",
    transactions: bool,
    values: Mapping[str, object] | None = None,
) -> Statement:
    """Writes that name no attribute but these, under such keys. `dynamodb:Attributes` counts all that a
    request names, in conditions too, and in a transaction each of its parts is judged as the operation it is.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    alone = {"ForAllValues:StringNotEquals": {"dynamodb:EnclosingOperation": [TRANSACTION]}}
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": [f"dynamodb:{action}"],
        "Resource": [arn],
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": sorted(set(attributes))},
            **keys,
            **(values or {}),
            "Null": BOUND,
            **({} if transactions else alone),
        },
    }
