"""Shared tables in an account where everybody may do exactly what we say they need, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import Family, ledger_table, sessions_table
from sentinel_server.provisioning.iam import Role, policy, table_arn
from sentinel_server.records.model import Ledger
from sentinel_server.sandbox.aws import EmbeddedAws
from tests.fakes.dynamodb_local import client_at

PREFIX = "strict-"
"""What the tables are called by."""

READS = ("ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters")
"""What reading policies takes."""


def permissions(aws: EmbeddedAws, *roles: Role, more: Sequence[str] = ()) -> dict[str, Any]:
    """What somebody of these roles may do, and some actions on anything."""
    tables = {Family.SESSIONS: "sessions", Family.REQUESTS: "requests", Family.BREAKGLASS: "breakglass"}
    arns = {
        family: table_arn(region=aws.region, account=aws.account_id, table=PREFIX + name)
        for family, name in tables.items()
    }
    statements: list[Any] = [{"Effect": "Allow", "Action": list(more), "Resource": "*"}]
    for role in roles:
        document: Any = policy(role, arns)
        statements += [{key: each[key] for key in each if key != "Sid"} for each in document["Statement"]]
    return {"Version": "2012-10-17", "Statement": statements}


async def make_tables(aws: EmbeddedAws) -> None:
    """The tables, as we provision them."""
    async with client_at(aws.url, aws.root) as dynamodb:
        provisioner = DynamoDbProvisioner(dynamodb, poll=0.02)
        ledgers = [ledger_table(ledger, PREFIX + ledger.value) for ledger in Ledger]
        for table in (sessions_table(PREFIX + "sessions"), *ledgers):
            await apply(provisioner, table)
