"""Opening clients and understanding what AWS says when it does not do what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)

from sentinel_server.adapters.aws.answers import aws_errors
from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.timing import PATIENT, URGENT
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import (
    ClockSkewed,
    IdentityUnavailable,
    LoginRequired,
    SentinelError,
    StoreUnavailable,
    UnknownProfile,
    UpstreamFailed,
)
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.secret import Secret


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as running:
        yield running


def credentials_of(keys: UserKeys) -> AwsCredentials:
    return AwsCredentials(access_key_id=keys.access_key_id, secret_access_key=Secret(keys.secret_access_key))


async def test_credentials_are_asked_for_anew_at_every_request(aws: EmbeddedAws) -> None:
    """So that renewed base credentials are used without opening clients again."""
    given = [aws.add_user("ann"), aws.add_user("ben")]

    async def next_one() -> AwsCredentials:
        return credentials_of(given.pop(0))

    session = AwsSession(region="us-east-1", credentials=next_one, endpoints={"sts": aws.url})
    async with session.client("sts") as sts:
        names = [(await sts.get_caller_identity())["Arn"].rpartition("/")[2] for _ in range(2)]
    assert names == ["ann", "ben"]


async def test_an_error_of_the_credentials_reaches_the_caller_as_it_is(aws: EmbeddedAws) -> None:
    async def lapsed() -> AwsCredentials:
        raise LoginRequired("the SSO login has lapsed")

    session = AwsSession(region="us-east-1", credentials=lapsed, endpoints={"sts": aws.url})
    async with session.client("sts") as sts:
        with pytest.raises(LoginRequired), aws_errors("asking who we are", UpstreamFailed):
            await sts.get_caller_identity()


@pytest.mark.parametrize("denied", [False, True], ids=["answer", "refusal"])
async def test_the_date_of_every_answer_is_observed(aws: EmbeddedAws, denied: bool) -> None:
    keys = aws.add_user(f"observer{denied}")
    seen: list[datetime] = []

    async def given() -> AwsCredentials:
        return credentials_of(keys)

    session = AwsSession(
        region="us-east-1", credentials=given, endpoints={"sts": aws.url}, observe=seen.append
    )
    async with session.client("sts", URGENT) as sts:
        if denied:
            aws.fail(service="sts", kind="deny", count=1)
            with pytest.raises(ClientError):
                await sts.get_caller_identity()
        else:
            await sts.get_caller_identity()
    (date,) = seen
    assert abs(date - datetime.now(UTC)) < timedelta(minutes=1)  # noqa: TID251


async def test_a_server_that_is_not_there_is_the_error_the_caller_chose() -> None:
    async def given() -> AwsCredentials:
        return AwsCredentials(access_key_id="A", secret_access_key=Secret("s"))

    session = AwsSession(region="us-east-1", credentials=given, endpoints={"sts": "http://127.0.0.1:9"})
    async with session.client("sts", URGENT) as sts:
        with pytest.raises(UpstreamFailed, match="asking"), aws_errors("asking", UpstreamFailed):
            await sts.get_caller_identity()


def test_what_happens_in_a_fetch_is_tried_once_and_what_a_person_waits_for_again() -> None:
    assert (URGENT.attempts, URGENT.connect, URGENT.read) == (1, 0.5, 0.7)
    assert PATIENT.attempts > 1


def refusal(code: str, message: str = "") -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(response, "GetItem")


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (refusal("ExpiredToken"), LoginRequired),
        (refusal("ExpiredTokenException", "The security token is expired"), LoginRequired),
        (refusal("InvalidClientTokenId"), IdentityUnavailable),
        (refusal("UnrecognizedClientException"), IdentityUnavailable),
        (refusal("SignatureDoesNotMatch", "Signature expired: 2026"), ClockSkewed),
        (refusal("InvalidSignatureException", "Signature not yet current"), ClockSkewed),
        (refusal("RequestTimeTooSkewed"), ClockSkewed),
        (refusal("SignatureDoesNotMatch", "does not match"), IdentityUnavailable),
        (refusal("AccessDeniedException", "not authorized to perform: x"), StoreUnavailable),
        (refusal("ThrottlingException"), StoreUnavailable),
        (refusal("SomethingNew"), StoreUnavailable),
        (NoCredentialsError(), IdentityUnavailable),
        (ProfileNotFound(profile="prod"), UnknownProfile),
        (TokenRetrievalError(provider="sso", error_msg="lapsed"), LoginRequired),
        (ConnectTimeoutError(endpoint_url="https://x"), StoreUnavailable),
        (EndpointConnectionError(endpoint_url="https://x"), StoreUnavailable),
        (TimeoutError(), StoreUnavailable),
        (ConnectionResetError("reset"), StoreUnavailable),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:60]),
)
def test_every_error_of_aws_becomes_one_of_ours(error: Exception, ours: type[SentinelError]) -> None:
    with pytest.raises(ours) as caught, aws_errors("reading table t", StoreUnavailable):
        raise error
    assert type(caught.value) is ours
    assert caught.value.message.startswith("reading table t: ")
    assert "\n" not in caught.value.message


def test_a_denied_permission_says_whose_it_is() -> None:
    with pytest.raises(StoreUnavailable) as caught, aws_errors("reading", StoreUnavailable):
        raise refusal("AccessDeniedException", "User: arn:aws:iam::111122223333:user/ann is not authorized")
    assert ("user/ann" in caught.value.message, "base credentials" in caught.value.hint) == (True, True)


def test_mistakes_of_our_own_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), aws_errors("reading", StoreUnavailable):
        raise ZeroDivisionError
