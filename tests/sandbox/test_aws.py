"""The embedded AWS starts empty, knows its callers and answers real clients."""

from __future__ import annotations

import asyncio
import io
import re
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aioboto3
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sentinel_server.errors import AlreadyExists, NotFound, SentinelError
from sentinel_server.sandbox.aws import SSO_PATH, EmbeddedAws
from sentinel_server.sandbox.conditions import CannotEvaluate
from tests.fakes import dynamodb_local
from tests.fakes.aws import Sandbox, client, embedded_aws, trust


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


def test_a_user_is_told_its_own_name(sandbox: Sandbox) -> None:
    who = sandbox.client("sts").get_caller_identity()
    assert (who["Arn"], who["Account"]) == (sandbox.dev_arn, sandbox.aws.account_id)
    assert re.fullmatch(r"AIDA[A-Z0-9]{17}", who["UserId"])


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


def test_an_instance_starts_empty_and_can_be_started_again() -> None:
    aws = EmbeddedAws()
    for _ in range(2):
        with aws:
            s3 = client(aws, "s3", aws.root)
            assert s3.list_buckets()["Buckets"] == []
            s3.create_bucket(Bucket="left-behind")
    with pytest.raises(SentinelError, match="is not running"):
        _ = aws.url


def test_an_account_can_be_had_once(sandbox: Sandbox) -> None:
    with pytest.raises(SentinelError, match="already account"):
        EmbeddedAws(account_id=sandbox.aws.account_id).start()
    assert sandbox.client("sts").get_caller_identity()


def test_nothing_can_be_added_before_the_start() -> None:
    with pytest.raises(SentinelError, match="is not running"):
        EmbeddedAws().add_user("dev")


def test_a_session_of_an_unknown_role_is_not_found(sandbox: Sandbox) -> None:
    with pytest.raises(NotFound):
        sandbox.aws.sso_session(sandbox.prod_arn + "x", "ann")


def test_a_name_is_taken_once(sandbox: Sandbox) -> None:
    with pytest.raises(AlreadyExists):
        sandbox.aws.add_user("dev")
    with pytest.raises(AlreadyExists):
        sandbox.aws.add_role("prod", trust(sandbox.dev_arn))


def test_a_policy_that_is_not_understood_cannot_be_added(sandbox: Sandbox) -> None:
    with pytest.raises(CannotEvaluate):
        sandbox.aws.add_user("odd", policy={"Version": "2012-10-17", "Statement": {"Effect": "Maybe"}})


def test_importing_it_loads_neither_moto_nor_the_server() -> None:
    script = (
        "import sys, sentinel_server.sandbox.aws\n"
        "print(sorted({'moto', 'aiohttp', 'botocore'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_a_profile_that_does_not_exist_is_no_business_of_the_sandboxs() -> None:
    script = (
        "from tests.fakes.aws import client\n"
        "from sentinel_server.sandbox.aws import EmbeddedAws\n"
        "import os, boto3\n"
        "with EmbeddedAws() as aws:\n"
        "    dynamodb = client(aws, 'dynamodb', aws.root)\n"
        "    os.environ['AWS_PROFILE'] = 'nobody'\n"
        "    print(dynamodb.list_tables()['TableNames'])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_missing_extra_is_one_clear_error() -> None:
    script = (
        "import sys; sys.modules['moto'] = None\n"
        "from sentinel_server.sandbox.aws import EmbeddedAws\n"
        "from sentinel_server.errors import SentinelError\n"
        "try: EmbeddedAws().start()\n"
        "except SentinelError as error: print(error.line())"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == (
        'the sandbox needs moto, which is not installed; pip install "sentinel[sandbox]"\n'
    )


def test_a_connection_is_kept_alive_and_a_body_waits_for_100_continue(sandbox: Sandbox) -> None:
    sandbox.client("s3").create_bucket(Bucket="uploads")
    address = sandbox.aws.url.removeprefix("http://").partition(":")
    with socket.create_connection((address[0], int(address[2])), timeout=5) as raw:
        for _ in range(2):
            raw.sendall(signed_put(sandbox, "/uploads/key", b"body", expect="100-continue"))
            assert receive(raw).startswith(b"HTTP/1.1 100 Continue")
            raw.sendall(b"body")
            assert receive(raw).startswith(b"HTTP/1.1 200 OK")
    assert sandbox.client("s3").get_object(Bucket="uploads", Key="key")["Body"].read() == b"body"


def test_a_streamed_upload_with_a_trailing_checksum_arrives_whole(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="streams")
    s3.put_object(Bucket="streams", Key="a b/ü+%", Body=io.BytesIO(b"x" * 70_000), ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket="streams", Key="a b/ü+%")
    assert head["ContentLength"] == 70_000
    assert s3.get_object(Bucket="streams", Key="a b/ü+%")["Body"].read() == b"x" * 70_000


def test_a_request_nobody_signed_is_refused(sandbox: Sandbox) -> None:
    for headers, body, word in (
        ({"X-Amz-Target": "DynamoDB_20120810.ListTables"}, b"{}", b"MissingAuthenticationTokenException"),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Action=GetCallerIdentity",
            b"MissingAuthenticationToken",
        ),
    ):
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(sandbox.aws.url, body, headers), timeout=5)
        assert word in refused.value.read()


def test_an_operation_moto_does_not_have_is_said_to_be_missing(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        sandbox.client("ssm").describe_inventory_deletions()


async def test_aiobotocore_works_from_the_same_process(sandbox: Sandbox) -> None:
    session = aioboto3.Session(*sandbox.dev)
    async with session.client("sts", endpoint_url=sandbox.aws.url, region_name="us-east-1") as sts:
        assert (await sts.get_caller_identity())["Arn"] == sandbox.dev_arn


async def test_dynamodb_can_be_answered_elsewhere_after_the_same_checks() -> None:
    async with other_dynamodb() as (url, arrived):
        with EmbeddedAws(dynamodb_url=url) as aws:
            keys = aws.add_user("dev", policy={"Version": "2012-10-17", "Statement": ONLY_GET})
            dynamodb = client(aws, "dynamodb", keys)
            item = await asyncio.to_thread(dynamodb.get_item, TableName="t", Key={"id": {"S": "1"}})
            assert item["Item"] == {"from": {"S": "elsewhere"}}
            with pytest.raises(ClientError, match="AccessDenied"):
                await asyncio.to_thread(dynamodb.put_item, TableName="t", Item={"id": {"S": "1"}})
    assert arrived == ["DynamoDB_20120810.GetItem"]


async def test_dynamodb_local_answers_with_real_semantics_behind_the_front() -> None:
    url = await asyncio.to_thread(dynamodb_local.endpoint)
    with EmbeddedAws(dynamodb_url=url) as aws:
        dynamodb = client(aws, "dynamodb", aws.root)
        table = f"t{secrets.token_hex(8)}"
        key = [{"AttributeName": "id", "KeyType": "HASH"}]
        names = [{"AttributeName": "id", "AttributeType": "S"}]
        dynamodb.create_table(
            TableName=table, KeySchema=key, AttributeDefinitions=names, BillingMode="PAY_PER_REQUEST"
        )
        dynamodb.put_item(TableName=table, Item={"id": {"S": "1"}})
        other = client(aws, "dynamodb", aws.add_user("dev"))
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            other.put_item(
                TableName=table, Item={"id": {"S": "1"}}, ConditionExpression="attribute_not_exists(id)"
            )
        aws.fail(service="dynamodb", kind="throttle")
        with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
            other.get_item(TableName=table, Key={"id": {"S": "1"}})


async def test_an_endpoint_that_does_not_answer_is_an_internal_error() -> None:
    async with other_dynamodb() as (url, _):
        pass
    with EmbeddedAws(dynamodb_url=url) as aws, pytest.raises(ClientError, match="InternalServerError"):
        await asyncio.to_thread(client(aws, "dynamodb", aws.root).list_tables)


ONLY_GET = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}


@asynccontextmanager
async def other_dynamodb() -> AsyncIterator[tuple[str, list[str]]]:
    """A DynamoDB that knows one answer, and the targets it was asked for."""
    arrived: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        arrived.append(request.headers["X-Amz-Target"])
        return web.json_response({"Item": {"from": {"S": "elsewhere"}}})

    app = web.Application()
    app.router.add_post("/", answer)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")), arrived


def signed_put(sandbox: Sandbox, path: str, body: bytes, *, expect: str) -> bytes:
    """The head of a signed S3 PUT."""
    request = AWSRequest("PUT", sandbox.aws.url + path, data=body, headers={"Content-Length": str(len(body))})
    S3SigV4Auth(Credentials(*sandbox.dev), "s3", "us-east-1").add_auth(request)
    host = sandbox.aws.url.removeprefix("http://")
    lines = [f"PUT {path} HTTP/1.1", f"Host: {host}", f"Expect: {expect}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def receive(raw: socket.socket) -> bytes:
    """One response without a body."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += raw.recv(4096)
    return got
