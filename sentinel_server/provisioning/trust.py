"""IAM for roles that are used through us: who may assume them with the stamp, and what the roles must trust.

A trust policy names one principal, never a whole account, and lets nobody in without our stamp.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel_server.identity.arn import parse_arn
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.provisioning.iam import Document

ANY_STAMP = "sentinel=*=?=*"
"""Every stamp of ours, as `StringLike` reads it."""

OWN_STAMP = "sentinel=u.${aws:username}=?=*"
"""The stamps of the IAM user who asks."""


def assume_policy(roles: Sequence[str], parameters: Sequence[str] = ()) -> Document:
    """The identity policy of somebody who uses these roles, and reads policies from these SSM parameters."""
    statements: list[Mapping[str, object]] = []
    if roles:
        statements.append(
            {
                "Sid": "AssumeStamped",
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Resource": list(roles),
            }
        )
    if parameters:
        statements.append(
            {
                "Sid": "ReadPolicies",
                "Effect": "Allow",
                "Action": ["ssm:GetParameter", "ssm:GetParameters"],
                "Resource": list(parameters),
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def trust_policy(principal: str) -> Document:
    """The trust policy of a role that `principal`, an ARN as `trusted_as` gives it, uses through us alone."""
    parsed = parse_arn(principal)
    stamp = OWN_STAMP if parsed.resource.startswith("user/") else ANY_STAMP
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Condition": {"StringLike": {"sts:SourceIdentity": stamp}},
            }
        ],
    }


def trusted_as(principal: Principal, sso_region: str | None = None) -> str:
    """How a trust policy names a principal: a role by itself and not by its session.

    The role of a permission set has the region of Identity Center in its path, except in us-east-1.
    https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
    """
    start = f"arn:{principal.partition}:iam::{principal.account}"
    match principal.kind:
        case Kind.ASSUMED_ROLE:
            return f"{start}:role/{principal.role}"
        case Kind.SSO_ROLE:
            place = "" if sso_region == "us-east-1" else f"{sso_region or 'REGION'}/"
            return f"{start}:role/aws-reserved/sso.amazonaws.com/{place}{principal.role}"
        case Kind.IAM_USER | Kind.FEDERATED_USER | Kind.ROOT:
            return principal.arn
