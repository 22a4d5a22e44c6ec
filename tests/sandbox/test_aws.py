"""The embedded AWS starts empty, knows its callers and answers real clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from sentinel_server.sandbox.aws import SSO_PATH, EmbeddedAws
from tests.fakes.aws import Sandbox, client, embedded_aws, trust


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


def test_a_user_is_told_its_own_name(sandbox: Sandbox) -> None:
    who = sandbox.client("sts").get_caller_identity()
    assert (who["Arn"], who["Account"]) == (sandbox.dev_arn, sandbox.aws.account_id)


def test_an_assumed_role_is_told_its_session(sandbox: Sandbox) -> None:
    answer = sandbox.client("sts").assume_role(RoleArn=sandbox.prod_arn, RoleSessionName="work")
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/prod/work")


def test_an_sso_session_is_named_after_the_person(sandbox: Sandbox) -> None:
    name = "AWSReservedSSO_Admin_0123456789abcdef"
    role = sandbox.aws.add_role(name, trust(sandbox.dev_arn), path=SSO_PATH)
    keys = sandbox.aws.sso_session(role, "ann@example.com")
    who = client(sandbox.aws, "sts", keys).get_caller_identity()
    assert role == f"arn:aws:iam::{sandbox.aws.account_id}:role{SSO_PATH}{name}"
    assert who["Arn"] == f"arn:aws:sts::{sandbox.aws.account_id}:assumed-role/{name}/ann@example.com"


def test_two_embedded_aws_know_nothing_of_each_other(sandbox: Sandbox) -> None:
    sandbox.client("ssm").put_parameter(Name="/only/here", Value="1", Type="String")
    with EmbeddedAws() as other:
        keys = other.add_user("dev")
        assert other.account_id != sandbox.aws.account_id
        with pytest.raises(ClientError, match="ParameterNotFound"):
            client(other, "ssm", keys).get_parameter(Name="/only/here")
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            client(other, "sts", sandbox.dev).get_caller_identity()
