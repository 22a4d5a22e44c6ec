"""IAM for roles that are used through us: one principal, and nobody without our stamp."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.source_identity import stamp_user
from sentinel_server.provisioning.trust import assume_policy, trust_policy, trusted_as
from tests.fakes.aws import client, embedded_aws

USER = "arn:aws:iam::111122223333:user/dev"


def statement(document: Any) -> dict[str, Any]:
    """The one statement of a policy."""
    (only,) = document["Statement"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize(
    ("arn", "region", "named"),
    [
        (USER, None, USER),
        (
            "arn:aws:sts::111122223333:assumed-role/ci/build-7",
            None,
            "arn:aws:iam::111122223333:role/ci",
        ),
        (
            "arn:aws-cn:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/alice",
            "cn-north-1",
            "arn:aws-cn:iam::111122223333:role/aws-reserved/sso.amazonaws.com/cn-north-1/"
            "AWSReservedSSO_Dev_0123456789abcdef",
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/alice",
            "us-east-1",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/"
            "AWSReservedSSO_Dev_0123456789abcdef",
        ),
    ],
)
def test_a_role_is_trusted_by_itself_and_not_by_its_session(arn: str, region: str | None, named: str) -> None:
    assert trusted_as(parse_principal(arn, unique_id="AROA:x"), region) == named


def test_a_user_may_only_bring_stamps_of_their_own() -> None:
    allowed = statement(trust_policy(USER))
    assert allowed["Principal"] == {"AWS": USER}
    assert allowed["Condition"] == {"StringLike": {"sts:SourceIdentity": "sentinel=u.${aws:username}=?=*"}}


def test_a_role_may_bring_any_stamp_of_ours() -> None:
    allowed = statement(trust_policy("arn:aws:iam::111122223333:role/ci"))
    assert allowed["Condition"] == {"StringLike": {"sts:SourceIdentity": "sentinel=*=?=*"}}


def test_who_uses_roles_gets_no_more_than_that() -> None:
    document = assume_policy(["arn:aws:iam::1:role/a"])
    assert statement(document)["Action"] == ["sts:AssumeRole", "sts:SetSourceIdentity"]
    parameters = assume_policy([], ["arn:aws:ssm:eu-central-1:1:parameter/sentinel/*"])
    assert statement(parameters)["Action"] == ["ssm:GetParameter", "ssm:GetParameters"]
    assert "*" not in json.dumps(statement(document)["Resource"])


def test_aws_takes_them_as_they_are_meant() -> None:
    """With both in place a stamped session is given, and an unstamped or foreign one is not."""
    with embedded_aws() as sandbox:
        aws = sandbox.aws
        role = aws.add_role("paid", trust_policy(sandbox.dev_arn))
        keys = aws.add_user("eve", policy=assume_policy([role]))
        stamp = (
            f"sentinel={stamp_user(parse_principal(sandbox.dev_arn, unique_id='AIDA'))}=d=0123456789abcdef"
        )

        def assumed(who: Any, **more: str) -> Any:
            return client(aws, "sts", who).assume_role(RoleArn=role, RoleSessionName="x-session", **more)

        assert assumed(sandbox.dev, SourceIdentity=stamp)["SourceIdentity"] == stamp
        for who, more in (
            (sandbox.dev, {}),
            (sandbox.dev, {"SourceIdentity": "sentinel=u.eve=d=0123456789abcdef"}),
            (keys, {"SourceIdentity": stamp}),
        ):
            with pytest.raises(ClientError, match="AccessDenied"):
                assumed(who, **more)
