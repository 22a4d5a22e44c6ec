"""Who may assume a role, with which stamp and for how long, as real clients see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.aws import Sandbox, client, embedded_aws, trust

STAMP = "sentinel=u.dev=d=0123456789abcdef"
ASSUME_ONLY = ("sts:AssumeRole",)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


def keys_of(answer: dict[str, Any]) -> Any:
    from sentinel_server.sandbox.principals import SessionKeys

    got = answer["Credentials"]
    return SessionKeys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], got["Expiration"])


def assume(sts: Any, role: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = sts.assume_role(RoleArn=role, RoleSessionName="work", **more)
    return answer


def refusal(sts: Any, role: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        assume(sts, role, **more)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def denied(arn: str, action: str, role: str) -> tuple[str, str]:
    return "AccessDenied", f"User: {arn} is not authorized to perform: {action} on resource: {role}"


def test_a_stamped_session_carries_its_stamp(sandbox: Sandbox) -> None:
    answer = assume(sandbox.client("sts"), sandbox.prod_arn, SourceIdentity=STAMP)
    assert answer["SourceIdentity"] == STAMP
    who = client(sandbox.aws, "sts", keys_of(answer)).get_caller_identity()
    assert who["UserId"].endswith(":work")
    assert who["Arn"] == answer["AssumedRoleUser"]["Arn"]


def test_a_stamp_with_a_colon_is_a_validation_error(sandbox: Sandbox) -> None:
    code, message = refusal(sandbox.client("sts"), sandbox.prod_arn, SourceIdentity="sentinel:dev:1")
    assert code == "ValidationError"
    assert "at 'sourceIdentity' failed to satisfy constraint" in message


def test_a_role_that_trusts_somebody_else_cannot_be_assumed(sandbox: Sandbox) -> None:
    role = sandbox.aws.add_role("others", trust(sandbox.dev_arn + "x"))
    assert refusal(sandbox.client("sts"), role) == denied(sandbox.dev_arn, "sts:AssumeRole", role)


def test_a_role_that_does_not_exist_cannot_be_assumed(sandbox: Sandbox) -> None:
    role = sandbox.prod_arn + "x"
    assert refusal(sandbox.client("sts"), role) == denied(sandbox.dev_arn, "sts:AssumeRole", role)


def test_what_is_no_role_arn_is_a_validation_error(sandbox: Sandbox) -> None:
    assert refusal(sandbox.client("sts"), sandbox.dev_arn) == (
        "ValidationError",
        f"{sandbox.dev_arn} is invalid",
    )


def test_a_stamp_needs_the_trust_policy_to_allow_it(sandbox: Sandbox) -> None:
    role = sandbox.aws.add_role("unstampable", trust(sandbox.dev_arn, actions=ASSUME_ONLY))
    sts = sandbox.client("sts")
    assert assume(sts, role)["AssumedRoleUser"]
    assert refusal(sts, role, SourceIdentity=STAMP) == denied(sandbox.dev_arn, "sts:SetSourceIdentity", role)


@pytest.mark.parametrize(
    ("allowed", "missing"),
    [(("sts:SetSourceIdentity",), "sts:AssumeRole"), (("sts:AssumeRole",), "sts:SetSourceIdentity")],
)
def test_the_caller_needs_both_actions_as_well(
    sandbox: Sandbox, allowed: tuple[str, ...], missing: str
) -> None:
    name = f"has-no-{missing.partition(':')[2]}"
    statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
    keys = sandbox.aws.add_user(name, policy={"Version": "2012-10-17", "Statement": [statement]})
    arn = f"arn:aws:iam::{sandbox.aws.account_id}:user/{name}"
    role = sandbox.aws.add_role(f"for-{name}", trust(arn))
    assert refusal(sandbox.client("sts", keys), role, SourceIdentity=STAMP) == denied(arn, missing, role)


def test_tags_need_the_trust_policy_to_allow_them(sandbox: Sandbox) -> None:
    tags = [{"Key": "SentinelSession", "Value": "1"}]
    sts = sandbox.client("sts")
    assert refusal(sts, sandbox.prod_arn, Tags=tags) == denied(
        sandbox.dev_arn, "sts:TagSession", sandbox.prod_arn
    )
    actions = ("sts:AssumeRole", "sts:TagSession")
    role = sandbox.aws.add_role("tagged", trust(sandbox.dev_arn, actions=actions))
    assert assume(sts, role, Tags=tags)["AssumedRoleUser"]


CONDITIONS = {
    "stamped": ({"sts:SourceIdentity": "sentinel=*=?=*"}, {"SourceIdentity": STAMP}, {}),
    "approved": (
        {"sts:SourceIdentity": "sentinel=*=a=*"},
        {"SourceIdentity": "sentinel=x=a=1"},
        {"SourceIdentity": STAMP},
    ),
    "own-name": (
        {"sts:SourceIdentity": "sentinel=u.${aws:username}=?=*"},
        {"SourceIdentity": STAMP},
        {"SourceIdentity": "sentinel=u.ann=d=1"},
    ),
    "external-id": ({"sts:ExternalId": "shared"}, {"ExternalId": "shared"}, {"ExternalId": "other"}),
    "session-name": ({"sts:RoleSessionName": "work"}, {}, {"RoleSessionName": "play"}),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_of_the_trust_policy_is_kept(sandbox: Sandbox, name: str) -> None:
    wanted, good, bad = CONDITIONS[name]
    role = sandbox.aws.add_role(f"if-{name}", trust(sandbox.dev_arn, condition={"StringLike": wanted}))
    sts = sandbox.client("sts")
    asked = {"RoleArn": role, "RoleSessionName": "work"}
    assert sts.assume_role(**asked | good)["AssumedRoleUser"]
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(**asked | bad)


def test_a_stamp_survives_chaining_and_cannot_be_changed(sandbox: Sandbox) -> None:
    first = assume(sandbox.client("sts"), sandbox.prod_arn, SourceIdentity=STAMP)
    further = sandbox.aws.add_role("further", trust(sandbox.prod_arn))
    chained = client(sandbox.aws, "sts", keys_of(first))
    assert assume(chained, further)["SourceIdentity"] == STAMP
    arn = first["AssumedRoleUser"]["Arn"]
    assert refusal(chained, further, SourceIdentity="other") == denied(arn, "sts:SetSourceIdentity", further)


def test_a_stamp_that_is_carried_along_needs_permission_too(sandbox: Sandbox) -> None:
    first = assume(sandbox.client("sts"), sandbox.prod_arn, SourceIdentity=STAMP)
    closed = sandbox.aws.add_role("closed", trust(sandbox.prod_arn, actions=ASSUME_ONLY))
    chained = client(sandbox.aws, "sts", keys_of(first))
    assert refusal(chained, closed) == denied(
        first["AssumedRoleUser"]["Arn"], "sts:SetSourceIdentity", closed
    )


def test_a_carried_stamp_is_known_to_trust_policies_as_aws_source_identity(sandbox: Sandbox) -> None:
    first = assume(sandbox.client("sts"), sandbox.prod_arn, SourceIdentity=STAMP)
    chained = client(sandbox.aws, "sts", keys_of(first))
    for key, may in (("aws:SourceIdentity", True), ("sts:SourceIdentity", False)):
        condition = {"StringLike": {key: "sentinel=*"}}
        role = sandbox.aws.add_role(f"by-{key[:3]}", trust(sandbox.prod_arn, condition=condition))
        if may:
            assert assume(chained, role)["SourceIdentity"] == STAMP
        else:
            assert refusal(chained, role)[0] == "AccessDenied"


def test_a_session_may_last_as_long_as_the_role_says(sandbox: Sandbox) -> None:
    role = sandbox.aws.add_role("short", trust(sandbox.dev_arn), max_session=7200)
    sts = sandbox.client("sts")
    assert assume(sts, role, DurationSeconds=7200)["AssumedRoleUser"]
    assert refusal(sts, role, DurationSeconds=7201) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )


def test_a_chained_session_may_last_an_hour(sandbox: Sandbox) -> None:
    first = assume(sandbox.client("sts"), sandbox.prod_arn)
    onward = sandbox.aws.add_role("onward", trust(sandbox.prod_arn), max_session=43200)
    chained = client(sandbox.aws, "sts", keys_of(first))
    assert assume(chained, onward, DurationSeconds=3600)["AssumedRoleUser"]
    assert refusal(chained, onward, DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    )


def test_the_root_user_assumes_nothing(sandbox: Sandbox) -> None:
    role = sandbox.aws.add_role("for-root", trust(sandbox.aws.account_id))
    assert refusal(sandbox.client("sts", sandbox.aws.root), role)[0] == "AccessDenied"
    assert assume(sandbox.client("sts"), role)["AssumedRoleUser"]


def test_get_session_token_keeps_the_user_and_is_not_for_sessions(sandbox: Sandbox) -> None:
    session = client(sandbox.aws, "sts", keys_of(sandbox.client("sts").get_session_token()))
    assert session.get_caller_identity()["Arn"] == sandbox.dev_arn
    with pytest.raises(ClientError, match="Cannot call GetSessionToken with session credentials"):
        session.get_session_token()


def test_a_federated_user_may_only_what_its_policy_says(sandbox: Sandbox) -> None:
    sts = sandbox.client("sts")
    bare = client(sandbox.aws, "ssm", keys_of(sts.get_federation_token(Name="ann")))
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"}]}'
    given = keys_of(sts.get_federation_token(Name="ann", Policy=policy))
    with pytest.raises(ClientError, match="AccessDenied"):
        bare.describe_parameters()
    assert "Parameters" in client(sandbox.aws, "ssm", given).describe_parameters()
    assert client(sandbox.aws, "sts", given).get_caller_identity()["Arn"].endswith(":federated-user/ann")


def test_an_access_key_tells_its_account(sandbox: Sandbox) -> None:
    sts = sandbox.client("sts")
    assert sts.get_access_key_info(AccessKeyId=sandbox.dev.access_key_id)["Account"] == sandbox.aws.account_id
    with pytest.raises(ClientError, match="ValidationError"):
        sts.get_access_key_info(AccessKeyId="AKIA0000000000000000")


def test_what_sts_can_do_and_the_sandbox_cannot_is_said(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        sandbox.client("sts").decode_authorization_message(EncodedMessage="x")


@pytest.mark.parametrize("policy", ["{", '{"Version":"2012-10-17","Statement":[{"Effect":"Deny"}]}'])
def test_a_session_policy_that_makes_no_sense_is_malformed(sandbox: Sandbox, policy: str) -> None:
    assert refusal(sandbox.client("sts"), sandbox.prod_arn, Policy=policy)[0] == "MalformedPolicyDocument"


def test_the_log_says_who_assumed_what_with_which_stamp_and_no_secret(sandbox: Sandbox) -> None:
    sandbox.aws.forget_calls()
    answer = assume(sandbox.client("sts"), sandbox.prod_arn, SourceIdentity=STAMP)
    (seen,) = sandbox.aws.calls_to("sts", "AssumeRole")
    assert (seen.principal, seen.status, seen.error) == (sandbox.dev_arn, 200, None)
    assert (seen.params["RoleArn"], seen.params["SourceIdentity"]) == (sandbox.prod_arn, STAMP)
    assert answer["Credentials"]["SecretAccessKey"] not in repr(sandbox.aws.calls)
