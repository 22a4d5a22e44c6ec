"""A request is only as good as the credential that signed it, and each service says so in its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.clock import SystemClock
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import SessionKeys, UserKeys
from tests.fakes.aws import Sandbox, client, embedded_aws
from tests.fakes.clock import FakeClock

CALLS: dict[str, Callable[[Any], Any]] = {
    "sts": lambda sts: sts.get_caller_identity(),
    "iam": lambda iam: iam.list_roles(),
    "dynamodb": lambda dynamodb: dynamodb.list_tables(),
    "ssm": lambda ssm: ssm.describe_parameters(),
    "s3": lambda s3: s3.list_buckets(),
}


@pytest.fixture(scope="module")
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="module")
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with embedded_aws(clock=clock) as running:
        yield running


def session(sandbox: Sandbox) -> SessionKeys:
    got = sandbox.client("sts").assume_role(RoleArn=sandbox.prod_arn, RoleSessionName="work")["Credentials"]
    return SessionKeys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], got["Expiration"])


def error_of(sandbox: Sandbox, service: str, keys: UserKeys | SessionKeys) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        CALLS[service](client(sandbox.aws, service, keys))
    answer = refused.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("service", CALLS)
def test_a_good_session_passes(sandbox: Sandbox, service: str) -> None:
    assert CALLS[service](client(sandbox.aws, service, session(sandbox)))


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("sts", "InvalidClientTokenId", 403),
        ("iam", "InvalidClientTokenId", 403),
        ("dynamodb", "UnrecognizedClientException", 400),
        ("ssm", "UnrecognizedClientException", 400),
        ("s3", "InvalidAccessKeyId", 403),
    ],
)
def test_an_unknown_key_is_refused(sandbox: Sandbox, service: str, code: str, status: int) -> None:
    assert error_of(sandbox, service, UserKeys("AKIA0123456789ABCDEF", "secret")) == (code, status)


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("sts", "InvalidClientTokenId", 403),
        ("dynamodb", "UnrecognizedClientException", 400),
        ("s3", "InvalidToken", 400),
    ],
)
@pytest.mark.parametrize("token", ["another", "ä"])
def test_a_session_without_its_own_token_is_refused(
    sandbox: Sandbox, service: str, code: str, status: int, token: str
) -> None:
    keys = session(sandbox)
    assert error_of(sandbox, service, UserKeys(keys.access_key_id, keys.secret_access_key)) == (code, status)


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("sts", "SignatureDoesNotMatch", 403),
        ("dynamodb", "InvalidSignatureException", 400),
        ("ssm", "InvalidSignatureException", 400),
        ("s3", "SignatureDoesNotMatch", 403),
    ],
)
def test_a_wrong_secret_is_refused(sandbox: Sandbox, service: str, code: str, status: int) -> None:
    wrong = UserKeys(sandbox.dev.access_key_id, sandbox.dev.secret_access_key + "x")
    assert error_of(sandbox, service, wrong) == (code, status)


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("sts", "ExpiredToken", 403),
        ("iam", "ExpiredToken", 403),
        ("dynamodb", "ExpiredTokenException", 400),
        ("ssm", "ExpiredTokenException", 400),
        ("s3", "ExpiredToken", 400),
    ],
)
def test_a_session_ends_at_its_expiration(
    sandbox: Sandbox, clock: FakeClock, service: str, code: str, status: int
) -> None:
    keys = session(sandbox)
    clock.time = keys.expiration - timedelta(seconds=1)
    assert CALLS[service](client(sandbox.aws, service, keys))
    clock.time = keys.expiration
    assert error_of(sandbox, service, keys) == (code, status)


def test_the_date_header_is_the_sandboxs_own_time(sandbox: Sandbox, clock: FakeClock) -> None:
    clock.time = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    answer = sandbox.client("sts").get_caller_identity()
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"] == "Tue, 06 May 2031 07:08:09 GMT"


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sts", "SignatureDoesNotMatch"),
        ("dynamodb", "InvalidSignatureException"),
        ("s3", "RequestTimeTooSkewed"),
    ],
)
@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_skewed_clock_is_refused_when_asked_for(service: str, code: str, minutes: int) -> None:
    here = SystemClock().now()
    for skew, refused in ((timedelta(minutes=4), False), (timedelta(minutes=minutes), True)):
        with EmbeddedAws(clock=FakeClock(time=here + skew), refuse_skew=True) as aws:
            asking = client(aws, service, aws.root)
            if not refused:
                assert CALLS[service](asking)
                continue
            with pytest.raises(ClientError) as error:
                CALLS[service](asking)
            assert error.value.response["Error"]["Code"] == code


def test_a_deleted_or_inactive_key_is_unknown_at_once(sandbox: Sandbox) -> None:
    keys = sandbox.aws.add_user("leaver")
    iam = sandbox.client("iam")
    iam.update_access_key(UserName="leaver", AccessKeyId=keys.access_key_id, Status="Inactive")
    assert error_of(sandbox, "sts", keys)[0] == "InvalidClientTokenId"


def test_a_key_made_by_the_iam_api_works(sandbox: Sandbox) -> None:
    iam = sandbox.client("iam")
    iam.create_user(UserName="joiner")
    made = iam.create_access_key(UserName="joiner")["AccessKey"]
    keys = UserKeys(made["AccessKeyId"], made["SecretAccessKey"])
    assert sandbox.client("sts", keys).get_caller_identity()["Arn"].endswith(":user/joiner")


def test_keys_do_not_print_their_secrets(sandbox: Sandbox) -> None:
    keys = session(sandbox)
    said = f"{sandbox.dev} {keys}"
    assert keys.access_key_id in said
    assert not any(secret in said for secret in (keys.secret_access_key, keys.session_token, sandbox.dev[1]))
