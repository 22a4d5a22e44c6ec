"""What a policy does not allow, no service answers; a change of policy counts at the next call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.clock import whole_seconds
from sentinel_server.sandbox.principals import SessionKeys
from tests.fakes.aws import Sandbox, client, embedded_aws, trust
from tests.fakes.clock import FakeClock


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="module")
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with embedded_aws(clock=clock) as running:
        s3, ssm = running.client("s3"), running.client("ssm")
        s3.create_bucket(Bucket="reports")
        s3.put_object(Bucket="reports", Key="2026/may.txt", Body=b"fine")
        ssm.put_parameter(Name="/sentinel/policies/prod", Value="version: 1", Type="String")
        yield running


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def user_with(sandbox: Sandbox, name: str, *statements: dict[str, Any]) -> Any:
    keys = sandbox.aws.add_user(name, policy=document(*statements))
    return lambda service: sandbox.client(service, keys)


def session_of(sandbox: Sandbox, role: str, **more: Any) -> SessionKeys:
    got = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="work", **more)["Credentials"]
    return SessionKeys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], got["Expiration"])


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**params)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_s3_objects_and_buckets_are_different_resources(sandbox: Sandbox) -> None:
    s3 = user_with(sandbox, "reader", allow("s3:GetObject", "arn:aws:s3:::reports/2026/*"))("s3")
    assert s3.get_object(Bucket="reports", Key="2026/may.txt")["Body"].read() == b"fine"
    assert s3.head_object(Bucket="reports", Key="2026/may.txt")["ContentLength"] == 4
    assert refusal(s3.list_objects_v2, Bucket="reports") == (
        "AccessDenied",
        f"User: arn:aws:iam::{sandbox.aws.account_id}:user/reader is not authorized to perform: "
        's3:ListBucket on resource: "arn:aws:s3:::reports" '
        "because no identity-based policy allows the s3:ListBucket action",
    )
    assert refusal(s3.list_buckets)[0] == "AccessDenied"
    assert refusal(s3.put_object, Bucket="reports", Key="2026/may.txt", Body=b"x")[0] == "AccessDenied"
    assert refusal(s3.get_object, Bucket="reports", Key="2025/may.txt")[0] == "AccessDenied"


def test_listing_can_be_held_to_a_prefix(sandbox: Sandbox) -> None:
    only = allow("s3:ListBucket", Condition={"StringLike": {"s3:prefix": "2026/*"}})
    s3 = user_with(sandbox, "lister", only)("s3")
    assert s3.list_objects_v2(Bucket="reports", Prefix="2026/")["KeyCount"] == 1
    assert refusal(s3.list_objects_v2, Bucket="reports")[0] == "AccessDenied"


def test_a_copy_needs_to_read_its_source(sandbox: Sandbox) -> None:
    s3 = user_with(sandbox, "copier", allow("s3:PutObject"))("s3")
    code, message = refusal(s3.copy_object, Bucket="reports", Key="c", CopySource="reports/2026/may.txt")
    assert (code, "s3:GetObject" in message) == ("AccessDenied", True)


def test_parameters_are_resources_by_name(sandbox: Sandbox) -> None:
    arn = f"arn:aws:ssm:us-east-1:{sandbox.aws.account_id}:parameter/sentinel/policies/*"
    ssm = user_with(sandbox, "policies", allow(["ssm:GetParameter", "ssm:GetParameters"], arn))("ssm")
    assert ssm.get_parameter(Name="/sentinel/policies/prod")["Parameter"]["Value"] == "version: 1"
    assert ssm.get_parameters(Names=["/sentinel/policies/prod"])["Parameters"]
    assert refusal(ssm.get_parameter, Name="/sentinel/approvals")[0] == "AccessDeniedException"
    both = ["/sentinel/policies/prod", "/sentinel/approvals"]
    assert refusal(ssm.get_parameters, Names=both)[0] == "AccessDeniedException"
    assert refusal(ssm.get_parameters_by_path, Path="/sentinel/policies")[0] == "AccessDeniedException"


def test_roles_keys_topics_and_log_groups_are_resources(sandbox: Sandbox) -> None:
    account = sandbox.aws.account_id
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/audit", TargetKeyId=key["KeyId"])
    mine = user_with(
        sandbox,
        "operator",
        allow("iam:GetRole", sandbox.prod_arn),
        allow("kms:DescribeKey", key["Arn"]),
        allow("logs:*", f"arn:aws:logs:us-east-1:{account}:log-group:audit:*"),
        allow("sns:*", f"arn:aws:sns:us-east-1:{account}:alerts"),
    )
    assert mine("iam").get_role(RoleName="prod")["Role"]["Arn"] == sandbox.prod_arn
    assert mine("kms").describe_key(KeyId="alias/audit")["KeyMetadata"]["Arn"] == key["Arn"]
    assert mine("sns").create_topic(Name="alerts")["TopicArn"]
    mine("logs").create_log_group(logGroupName="audit")
    assert refusal(mine("iam").get_role, RoleName="other")[0] == "AccessDenied"
    assert refusal(mine("kms").list_keys)[0] == "AccessDeniedException"
    assert refusal(mine("sns").create_topic, Name="other")[0] == "AccessDenied"
    assert refusal(mine("logs").create_log_group, logGroupName="other")[0] == "AccessDeniedException"


def test_a_call_whose_resource_cannot_be_told_is_neither_allowed_nor_denied(sandbox: Sandbox) -> None:
    everything = user_with(sandbox, "any", allow("sns:ListTopics"))("sns")
    some = user_with(sandbox, "some", allow("sns:*", "arn:aws:sns:us-east-1:*:alerts"))("sns")
    assert "Topics" in everything.list_topics()
    assert refusal(some.list_topics)[0] == "SandboxCannotTell"


def test_a_role_policy_added_by_the_iam_api_stops_a_live_session(sandbox: Sandbox) -> None:
    role = sandbox.aws.add_role("killable", trust(sandbox.dev_arn))
    stamped = session_of(sandbox, role, SourceIdentity="sentinel=u.dev=d=0123456789abcdef")
    other = session_of(sandbox, role, SourceIdentity="sentinel=u.dev=d=fedcba9876543210")
    kill = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringLike": {"aws:SourceIdentity": "sentinel=*=?=0123456789abcdef"}},
    }
    sandbox.client("iam").put_role_policy(
        RoleName="killable", PolicyName="SentinelKill", PolicyDocument=json.dumps(document(kill))
    )
    code, message = refusal(client(sandbox.aws, "s3", stamped).list_buckets)
    assert (code, message.partition(" with ")[2]) == (
        "AccessDenied",
        "an explicit deny in an identity-based policy",
    )
    assert client(sandbox.aws, "s3", other).list_buckets()["Buckets"]


def test_a_session_policy_ends_a_session_before_its_time(sandbox: Sandbox, clock: FakeClock) -> None:
    deadline = whole_seconds(clock.now() + timedelta(seconds=60))
    until = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateGreaterThan": {"aws:CurrentTime": deadline}},
    }
    policy = json.dumps(document(allow("*"), until))
    keys = session_of(sandbox, sandbox.prod_arn, Policy=policy, DurationSeconds=900)
    s3 = client(sandbox.aws, "s3", keys)
    clock.pass_(timedelta(seconds=60))
    assert s3.list_buckets()["Buckets"]
    clock.pass_(timedelta(seconds=1))
    assert refusal(s3.list_buckets)[1].endswith("with an explicit deny in a session policy")


def test_a_session_may_only_what_role_and_session_policy_both_allow(sandbox: Sandbox) -> None:
    role = sandbox.aws.add_role("s3-only", trust(sandbox.dev_arn), document(allow("s3:*")))
    narrow = session_of(sandbox, role, Policy=json.dumps(document(allow(["s3:ListAllMyBuckets", "ssm:*"]))))
    assert client(sandbox.aws, "s3", narrow).list_buckets()["Buckets"]
    code, message = refusal(client(sandbox.aws, "s3", narrow).list_objects_v2, Bucket="reports")
    assert (code, message.partition(" because ")[2]) == (
        "AccessDenied",
        "no session policy allows the s3:ListBucket action",
    )
    assert refusal(client(sandbox.aws, "ssm", narrow).describe_parameters)[0] == "AccessDeniedException"


def test_group_and_managed_policies_count(sandbox: Sandbox) -> None:
    iam = sandbox.client("iam")
    keys = sandbox.aws.add_user("member", policy=document(allow("sts:GetCallerIdentity")))
    s3 = sandbox.client("s3", keys)
    assert refusal(s3.list_buckets)[0] == "AccessDenied"
    text = json.dumps(document(allow("s3:ListAllMyBuckets")))
    arn = iam.create_policy(PolicyName="listing", PolicyDocument=text)["Policy"]["Arn"]
    iam.create_group(GroupName="listers")
    iam.attach_group_policy(GroupName="listers", PolicyArn=arn)
    iam.add_user_to_group(GroupName="listers", UserName="member")
    assert s3.list_buckets()["Buckets"]


def test_a_permissions_boundary_is_not_judged(sandbox: Sandbox) -> None:
    iam = sandbox.client("iam")
    boundary = iam.create_policy(PolicyName="edge", PolicyDocument=json.dumps(document(allow("s3:*"))))
    text = json.dumps(trust(sandbox.dev_arn))
    made = iam.create_role(
        RoleName="bounded", AssumeRolePolicyDocument=text, PermissionsBoundary=boundary["Policy"]["Arn"]
    )
    s3 = client(sandbox.aws, "s3", session_of(sandbox, made["Role"]["Arn"]))
    assert refusal(s3.list_buckets)[0] == "SandboxCannotTell"


def test_the_root_user_may_do_everything(sandbox: Sandbox) -> None:
    assert client(sandbox.aws, "s3", sandbox.aws.root).list_buckets()["Buckets"]
    who = client(sandbox.aws, "sts", sandbox.aws.root).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{sandbox.aws.account_id}:root"
