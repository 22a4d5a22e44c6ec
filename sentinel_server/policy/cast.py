"""The principals that the names of a policy stand for, when nobody in particular asks."""

from __future__ import annotations

from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.schema import Policy

NO_ACCOUNT = "000000000000"
"""Stands for the account of a policy that names none and is stored in none."""


def home_of(policy: Policy, account: str | None) -> str:
    """The account that a bare name means: the first trusted one, else the one the policy is stored in."""
    return policy.trusted_accounts[0] if policy.trusted_accounts else account or NO_ACCOUNT


def principal_named(text: str, account: str) -> Principal:
    """The principal of an ARN, or the IAM user of that name in `account`. Raises InvalidArn."""
    arn = text if text.startswith("arn:") else f"arn:aws:iam::{account}:user/{text}"
    return parse_principal(arn, unique_id="named")
