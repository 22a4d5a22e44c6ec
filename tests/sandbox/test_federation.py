"""The sandbox's sign-in service gives tokens to live sessions and to nothing else, each for one use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession

from sentinel_server.adapters.http.sign_in import sign_in_token
from sentinel_server.credentials.console import session_document, sign_in_url
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import UpstreamFailed
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, client, embedded_aws


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    """What opens addresses."""
    async with ClientSession() as session:
        yield session


def a_session(aws: Sandbox) -> AwsCredentials:
    """A session of the user `dev`."""
    keys = client(aws.aws, "sts", aws.dev).get_session_token()["Credentials"]
    return AwsCredentials(
        access_key_id=keys["AccessKeyId"],
        secret_access_key=Secret(keys["SecretAccessKey"]),
        session_token=Secret(keys["SessionToken"]),
        expires_at=keys["Expiration"],
    )


async def test_a_token_signs_in_once(aws: Sandbox, browser: ClientSession) -> None:
    token = await sign_in_token(aws.aws.url, session_document(a_session(aws)))
    url = sign_in_url(aws.aws.url, token, "https://console.aws.amazon.com/s3/home").reveal()
    async with browser.get(url) as first, browser.get(url) as second:
        assert (first.status, second.status) == (200, 400)
        assert ":user/dev, to https://console.aws.amazon.com/s3/home" in await first.text()


@pytest.mark.parametrize("name", ["sessionId", "sessionKey", "sessionToken"])
async def test_a_session_that_is_wrong_anywhere_gets_none(aws: Sandbox, name: str) -> None:
    document = json.loads(session_document(a_session(aws)).reveal())
    forged = Secret(json.dumps({**document, name: "ASIAFORGED"}))
    with pytest.raises(UpstreamFailed, match=r"no sign-in token \(HTTP 400\)"):
        await sign_in_token(aws.aws.url, forged)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"Action": "login"},
        {"Action": "login", "SigninToken": "made-up"},
        {"Action": "getSigninToken"},
        {"Action": "getSigninToken", "Session": "[]"},
        {"Action": "getSigninToken", "Session": "no json"},
    ],
)
async def test_anything_else_is_a_bad_request(
    aws: Sandbox, browser: ClientSession, asked: dict[str, str]
) -> None:
    async with browser.get(f"{aws.aws.url}/federation?{urlencode(asked)}") as answer:
        assert answer.status == 400


async def test_a_service_that_is_not_there_is_one_message_that_quotes_nothing() -> None:
    with pytest.raises(UpstreamFailed) as caught:
        await sign_in_token("http://127.0.0.1:1", Secret("very-secret"))
    assert "very-secret" not in str(caught.value)
    assert caught.value.__cause__ is None
