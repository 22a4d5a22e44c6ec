"""The IAM policies of our tables, one for each role. The same text every time, in any partition.

A *developer* holds sessions: reads them and every block, and writes what `OWNER_ATTRIBUTES` names, so that
nobody can write, change or remove the revocation that stops them. *Security* revokes, blocks and sweeps. An
*auditor* reads. Of approvals and emergencies there are a *requester*, an *approver*, an *invoker* and a
*reviewer*; whoever is two of these gets two policies. A *notifier* is the cron that delivers messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import assert_never

from sentinel_server.errors import InvalidSetting
from sentinel_server.provisioning import ledgers
from sentinel_server.provisioning.desired import (
    BLOCK_ATTRIBUTES,
    BLOCK_PREFIX,
    BY_PERSON,
    KEY,
    REVOCATION_ATTRIBUTES,
    SORT,
    Family,
)
from sentinel_server.provisioning.desired import OWNER_ATTRIBUTES as OWNER
from sentinel_server.provisioning.statements import Statement, like, reading, unlike, writing

Document = Mapping[str, object]
"""An IAM policy document."""


class Role(Enum):
    """Whose policy; the value is its word on the command line."""

    DEVELOPER = "developer"
    REQUESTER = "requester"
    APPROVER = "approver"
    INVOKER = "invoker"
    REVIEWER = "reviewer"
    NOTIFIER = "notifier"
    SECURITY = "security"
    AUDITOR = "auditor"


ROLES: Mapping[Family, tuple[Role, ...]] = {
    Family.SESSIONS: (Role.DEVELOPER, Role.SECURITY, Role.AUDITOR),
    Family.REQUESTS: (Role.REQUESTER, Role.APPROVER, Role.NOTIFIER, Role.SECURITY, Role.AUDITOR),
    Family.BREAKGLASS: (Role.INVOKER, Role.REVIEWER, Role.NOTIFIER, Role.SECURITY, Role.AUDITOR),
}
"""Who has to do with which table."""


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


def policy(role: Role, arns: Mapping[Family, str], topics: Sequence[str] = ()) -> Document:
    """The identity policy of a role for those of these tables that it has to do with.

    `topics` are the ARNs of those that a notifier publishes to.
    """
    statements = [
        statement
        for family, arn in arns.items()
        if role in ROLES[family]
        for statement in _statements(role, family, arn)
    ]
    if role is Role.NOTIFIER and topics:
        statements.append(ledgers.publishing(topics))
    return {"Version": "2012-10-17", "Statement": statements}


def text(document: Document) -> str:
    """The document as JSON, the same text every time."""
    return json.dumps(document, indent=2)


def _statements(role: Role, family: Family, arn: str) -> list[Statement]:
    match role:
        case Role.DEVELOPER:
            return [_read(arn, own=True), _hold(arn)]
        case Role.REQUESTER | Role.APPROVER | Role.INVOKER | Role.REVIEWER:
            return _WORKERS[role](arn)
        case Role.NOTIFIER:
            return ledgers.notifier(family, arn)
        case Role.SECURITY:
            ours = family is Family.SESSIONS
            return _secure(arn) if ours else ledgers.security(family, arn)
        case Role.AUDITOR:
            return [_read(arn)] if family is Family.SESSIONS else ledgers.auditor(family, arn)
        case _:
            assert_never(role)


_WORKERS: Mapping[Role, Callable[[str], list[Statement]]] = {
    Role.REQUESTER: ledgers.requester,
    Role.APPROVER: ledgers.approver,
    Role.INVOKER: ledgers.invoker,
    Role.REVIEWER: ledgers.reviewer,
}


def _read(arn: str, *, own: bool = False) -> Statement:
    return reading("ReadSessionsAndBlocks", arn, (BY_PERSON,) if own else None, "DescribeTable")


def _hold(arn: str) -> Statement:
    return writing(
        "HoldSessions",
        arn,
        OWNER,
        unlike(f"{BLOCK_PREFIX}*"),
        transactions=False,
        values={"StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE"]}},
    )


def _secure(arn: str) -> list[Statement]:
    blocks, sessions = like(f"{BLOCK_PREFIX}*"), unlike(f"{BLOCK_PREFIX}*")
    revoked, lifted = (KEY, "status", *REVOCATION_ATTRIBUTES), (KEY, "until", "lifted_at", "lifted_by")
    block = (KEY, "kind", SORT, *BLOCK_ATTRIBUTES)
    return [
        _read(arn),
        writing("RevokeSessions", arn, revoked, sessions, transactions=False),
        writing("WriteBlocks", arn, block, blocks, action="PutItem", transactions=False),
        writing("LiftBlocks", arn, lifted, blocks, transactions=False),
    ]
