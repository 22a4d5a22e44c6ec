"""AssumeRoleWithWebIdentity: no signature, a token of a provider that the role trusts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.fakes.aws import Sandbox, client, embedded_aws
from tests.fakes.clock import FakeClock
from tests.sandbox.test_sts import keys_of

STAMP = "sentinel=r.ci=d=0123456789abcdef"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with embedded_aws(clock=clock) as running:
        yield running


def role(sandbox: Sandbox, *more: str) -> str:
    provider = f"arn:aws:iam::{sandbox.aws.account_id}:oidc-provider/token.example.com"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": ["sts:AssumeRoleWithWebIdentity", *more],
        "Condition": {"StringEquals": {"token.example.com:sub": "repo:ours"}},
    }
    return sandbox.aws.add_role("ci", {"Version": "2012-10-17", "Statement": [statement]})


def assume(sandbox: Sandbox, arn: str, token: str, **more: Any) -> dict[str, Any]:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    sts = boto3.client("sts", endpoint_url=sandbox.aws.url, region_name="us-east-1", config=config)
    answer: dict[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName="build", WebIdentityToken=token, **more
    )
    return answer


def test_a_trusted_subject_gets_the_role(sandbox: Sandbox) -> None:
    answer = assume(sandbox, role(sandbox), sandbox.aws.web_identities.token("repo:ours"))
    who = client(sandbox.aws, "sts", keys_of(answer)).get_caller_identity()
    assert who["Arn"].endswith(":assumed-role/ci/build")
    assert answer["SubjectFromWebIdentityToken"] == "repo:ours"


def test_the_claim_of_a_token_stamps_the_session_where_the_role_allows_it(sandbox: Sandbox) -> None:
    stamped = sandbox.aws.web_identities.token("repo:ours", source_identity=STAMP)
    arn = role(sandbox, "sts:SetSourceIdentity")
    assert assume(sandbox, arn, stamped)["SourceIdentity"] == STAMP


@pytest.mark.parametrize(
    "claims", [{"subject": "repo:theirs"}, {"subject": "repo:ours", "source_identity": STAMP}]
)
def test_nobody_else_gets_it(sandbox: Sandbox, claims: dict[str, Any]) -> None:
    token = sandbox.aws.web_identities.token(**claims)
    with pytest.raises(ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        assume(sandbox, role(sandbox), token)


def test_lapsed_unknown_and_too_long_ones_are_refused(sandbox: Sandbox, clock: FakeClock) -> None:
    arn, token = role(sandbox), sandbox.aws.web_identities.token("repo:ours")
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        assume(sandbox, arn, "made-up-token")
    with pytest.raises(ClientError, match="MaxSessionDuration"):
        assume(sandbox, arn, token, DurationSeconds=7200)
    clock.pass_(timedelta(hours=2))
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        assume(sandbox, arn, token)


def test_any_other_unsigned_call_is_refused(sandbox: Sandbox) -> None:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    sts = boto3.client("sts", endpoint_url=sandbox.aws.url, region_name="us-east-1", config=config)
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        sts.get_caller_identity()
