"""Direct calls of AWS say what aioboto3's clients say, and are tried again as the SDKs do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ReadTimeoutError

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.direct.client import SERVICES, DirectClient
from sentinel_server.adapters.aws.timing import PATIENT, URGENT, Timing
from sentinel_server.credentials.endpoints import Direct
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.processes import DEADLINE
from tests.fakes.tcp_host import HANG, TcpHost, an_answer

KEYS = AwsCredentials(access_key_id="AKIAEXAMPLE", secret_access_key=Secret("example"))
BUSY = an_answer(b'{"__type": "a#ThrottlingException", "message": "slow down"}', "400 Bad Request")
PATIENTLY = Timing(connect=DEADLINE, read=DEADLINE, attempts=3)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


def session_of(keys: AwsCredentials, url: str, *, direct: Direct | None, **more: Any) -> AwsSession:
    async def given() -> AwsCredentials:
        return keys

    urls = dict.fromkeys(("dynamodb", "kms", "ssm", "sts"), url)
    return AwsSession(region="us-east-1", credentials=given, endpoints=urls, direct=direct, **more)


@asynccontextmanager
async def ssm(host: TcpHost, timing: Timing = PATIENTLY, **more: Any) -> AsyncIterator[DirectClient]:
    opened: Any = session_of(KEYS, host.url, direct=Direct(), **more).calls("ssm", timing)
    assert isinstance(opened, DirectClient)
    async with opened as client:
        yield client


CALLS: list[tuple[Any, str, dict[str, Any]]] = [
    ("sts", "get_caller_identity", {}),
    ("sts", "get_session_token", {"DurationSeconds": 900}),
    ("sts", "assume_role", {"RoleArn": "{prod}", "RoleSessionName": "ann", "SourceIdentity": "s-1"}),
    ("sts", "assume_role", {"RoleArn": "{prod}", "RoleSessionName": "ann", "DurationSeconds": 43201}),
    ("sts", "assume_role", {"RoleArn": "arn:aws:iam::111122223333:role/none", "RoleSessionName": "ann"}),
    ("ssm", "get_parameter", {"Name": "/there", "WithDecryption": True}),
    ("ssm", "get_parameter", {"Name": "/not/there"}),
    ("ssm", "get_parameters", {"Names": ["/there", "/not/there"], "WithDecryption": True}),
    ("dynamodb", "get_item", {"TableName": "not-there", "Key": {"id": {"S": "a"}}}),
    ("kms", "sign", {"KeyId": "none", "Message": b"0" * 32, "SigningAlgorithm": "ECDSA_SHA_256"}),
]


@pytest.mark.parametrize(("service", "method", "parameters"), CALLS)
@pytest.mark.parametrize("fault", [None, "deny", "throttle", "error500"])
async def test_both_clients_say_the_same(
    sandbox: Sandbox, service: Any, method: str, parameters: dict[str, Any], fault: Any
) -> None:
    sandbox.client("ssm").put_parameter(Name="/there", Value="é", Type="String", Overwrite=True)
    asked = {
        name: value.format(prod=sandbox.prod_arn) if isinstance(value, str) else value
        for name, value in parameters.items()
    }
    keys = AwsCredentials(
        access_key_id=sandbox.dev.access_key_id, secret_access_key=Secret(sandbox.dev.secret_access_key)
    )
    session, once = session_of(keys, sandbox.aws.url, direct=Direct()), replace(PATIENTLY, attempts=1)
    said: list[Any] = []
    for way in (session.calls, session.client):
        if fault is not None:
            sandbox.aws.fail(service=service, kind=fault, count=1)
        async with way(service, once) as client:
            said.append(await outcome(getattr(client, method)(**asked)))
    assert said[0] == said[1]


async def outcome(call: Any) -> Any:
    """What came of it, without what is new every time."""
    try:
        answer = dict(await call)
    except ClientError as error:
        told = error.response["Error"]
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return told["Code"], told["Message"], status, error.operation_name
    answer.pop("ResponseMetadata", None)
    return shape(answer)


def shape(value: Any) -> Any:
    """Names and types; the value of what is not made for each answer."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in ("PackedPolicySize", "Version")}
        return {name: shape(each) for name, each in kept.items() if name != "LastModifiedDate"}
    return value if value == "é" else type(value)


async def test_what_is_throttled_is_asked_again() -> None:
    with TcpHost([BUSY, BUSY, an_answer(b'{"Parameter": {"Value": "x"}}')]) as host:
        async with ssm(host) as client:
            assert await client.get_parameter(Name="a") == {"Parameter": {"Value": "x"}}
    assert len(host.requests) == 3


@pytest.mark.parametrize("status", ["500 Oops", "502 Bad Gateway", "503 Unavailable", "504 Late"])
async def test_a_service_in_trouble_is_asked_no_more_often_than_agreed(status: str) -> None:
    with TcpHost([an_answer(b"", status)] * 3, [an_answer()]) as host:
        async with ssm(host) as client:
            with pytest.raises(ClientError, match=status[:3]):
                await client.get_parameter(Name="a")
    assert len(host.requests) == 3


async def test_a_connection_that_breaks_is_opened_again() -> None:
    with TcpHost([b""], [an_answer(b"{}")]) as host:
        async with ssm(host) as client:
            assert await client.get_parameter(Name="a") == {}


async def test_an_answer_that_was_damaged_is_asked_for_again() -> None:
    with TcpHost([an_answer(b"{}", more="x-amz-crc32: 1\r\n"), an_answer(b"{}")]) as host:
        async with ssm(host) as client:
            assert await client.get_parameter(Name="a") == {}


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(b'{"__type": "AccessDeniedException"}', "400 Bad Request"),
        an_answer(b"<html>", "403 Forbidden"),
        an_answer(b"", "302 Found", "location: http://127.0.0.1:9/\r\n"),
    ],
)
async def test_a_no_is_not_asked_again(answer: bytes) -> None:
    with TcpHost([answer, an_answer()]) as host:
        async with ssm(host) as client:
            with pytest.raises(ClientError):
                await client.get_parameter(Name="a")
    assert len(host.requests) == 1


async def test_somebody_elses_page_is_no_answer_and_not_asked_for_again() -> None:
    with TcpHost([an_answer(b"<html>Welcome</html>"), an_answer()]) as host:
        async with ssm(host) as client:
            with pytest.raises(BotoCoreError, match="not one of AWS"):
                await client.get_parameter(Name="a")
    assert len(host.requests) == 1


async def test_an_answer_that_is_larger_than_any_of_the_service_is_none() -> None:
    """A policy has 8 KB; what is read of anything else would be paid for by this machine's memory."""
    with TcpHost([an_answer(b'{"Parameter": {"Value": "%s"}}' % (b"x" * 2**20))], [an_answer()]) as host:
        async with ssm(host) as client:
            with pytest.raises(BotoCoreError, match="not one of AWS"):
                await client.get_parameter(Name="a")
    assert SERVICES["dynamodb"].largest > 16 * 2**20 > SERVICES["sts"].largest


async def test_a_fetch_asks_once_and_waits_less() -> None:
    with TcpHost([HANG]) as host:
        async with ssm(host, replace(URGENT, read=0.05)) as client:
            with pytest.raises(ReadTimeoutError):
                await client.get_parameter(Name="a")
    assert len(host.requests) == 1


async def test_nobody_there_is_told_after_the_last_attempt() -> None:
    with TcpHost() as host:
        pass
    async with session_of(KEYS, host.url, direct=Direct()).calls("sts", URGENT) as client:
        with pytest.raises(EndpointConnectionError):
            await client.get_caller_identity()


@pytest.mark.parametrize(
    ("date", "seen"),
    [
        ("Mon, 23 Nov 2026 05:00:00 GMT", [datetime(2026, 11, 23, 5, tzinfo=UTC)]),
        ("yesterday", []),
        ("Mon, 23 Nov 2026 05:00:00 -0000", []),
        ("Mon, 23 Nov 2026 05:00:00 +99999999999999", []),
        ("Mon, 99999999999999999999 Nov 2026 05:00:00 GMT", []),
    ],
)
async def test_the_date_of_an_answer_is_observed_if_it_is_one(date: str, seen: list[datetime]) -> None:
    found: list[datetime] = []
    with TcpHost([an_answer(more=f"Date: {date}\r\n")]) as host:
        async with ssm(host, observe=found.append) as client:
            await client.get_parameter(Name="a")
    assert found == seen


async def test_who_does_not_answer_as_aws_does_does_not_set_the_clock() -> None:
    found: list[datetime] = []
    page = an_answer(b"<html>Welcome</html>", more="Date: Mon, 23 Nov 2026 05:00:00 GMT\r\n")
    with TcpHost([page]) as host:
        async with ssm(host, observe=found.append) as client:
            with pytest.raises(BotoCoreError):
                await client.get_parameter(Name="a")
    assert found == []


async def test_an_operation_that_is_not_called_directly_is_not_there() -> None:
    with TcpHost() as host:
        async with ssm(host) as client:
            assert not hasattr(client, "delete_parameter")


async def test_no_secret_is_sent() -> None:
    with TcpHost([an_answer()]) as host:
        async with ssm(host) as client:
            await client.get_parameter(Name="a")
    (request,) = host.requests
    assert b"user-agent: sentinel/" in request
    assert b"/us-east-1/ssm/aws4_request" in request
    assert KEYS.secret_access_key.reveal().encode() + b"/" not in request.replace(b"AKIAEXAMPLE", b"")


async def test_without_leave_it_is_aioboto3_that_asks(sandbox: Sandbox) -> None:
    for session in (
        session_of(KEYS, sandbox.aws.url, direct=None),
        session_of(KEYS, f"{sandbox.aws.url}/?a=b", direct=Direct()),
    ):
        async with session.calls("ssm", PATIENT) as client:
            assert type(client).__module__ == "aiobotocore.client"


def test_an_attempt_within_a_fetch_is_one() -> None:
    assert (URGENT.attempts, timedelta(seconds=URGENT.connect + URGENT.read)) == (1, timedelta(seconds=1.2))
