"""DynamoDB Local, Amazon's own emulator: a Java program, started once per test run and killed after it.

`SENTINEL_DYNAMODB_LOCAL` names the directory of its jar; `.ci/dynamodb-local` fetches one. Without it, or
without Java, the tests that need it are skipped, except in CI, where they fail.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.credentials.endpoints import Direct
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import Table, ledger_table, sessions_table
from sentinel_server.records.model import Ledger
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.secret import Secret

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-Djava.library.path=DynamoDBLocal_lib")
_REPOSITORY = Path(__file__).resolve().parents[2]


@cache
def endpoint() -> str:
    """The URL of the running emulator. Skips or fails the test when there is none to run."""
    jar = _jar()
    java = shutil.which("java")
    if jar is None or java is None:
        missing = (
            "DynamoDB Local is not there (run .ci/dynamodb-local)" if jar is None else "Java is not there"
        )
        if os.environ.get("CI") == "true":  # noqa: TID251
            pytest.fail(missing)
        pytest.skip(missing)
    return _start(java, jar)


def _jar() -> Path | None:
    named = os.environ.get("SENTINEL_DYNAMODB_LOCAL")  # noqa: TID251
    for directory in (Path(named) if named else None, _REPOSITORY / ".cache" / "dynamodb-local"):
        if directory is not None and (directory / "DynamoDBLocal.jar").is_file():
            return directory
    return None


def _start(java: str, directory: Path) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [java, *_JVM, "-jar", "DynamoDBLocal.jar", "-inMemory", "-port", str(port), "-disableTelemetry"],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(_stop, process)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return f"http://127.0.0.1:{port}"
    pytest.fail("DynamoDB Local did not start")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@asynccontextmanager
async def client_at(url: str, keys: UserKeys) -> AsyncIterator[DynamoDBClient]:
    """A client of the DynamoDB at `url`, for any operation."""
    async with _session(url, keys).client("dynamodb") as client:
        yield client


@asynccontextmanager
async def local_calls() -> AsyncIterator[DynamoDBClient]:
    """The client of the emulator that doors have, for the operations they need."""
    url = await asyncio.to_thread(endpoint)
    async with _session(url, UserKeys("AKIAEXAMPLE", "example")).calls("dynamodb") as client:
        yield client


def _session(url: str, keys: UserKeys) -> AwsSession:
    async def credentials() -> AwsCredentials:
        return AwsCredentials(
            access_key_id=keys.access_key_id, secret_access_key=Secret(keys.secret_access_key)
        )

    endpoints = {"dynamodb": url}
    return AwsSession(region="us-east-1", credentials=credentials, endpoints=endpoints, direct=Direct())


@asynccontextmanager
async def local_client() -> AsyncIterator[DynamoDBClient]:
    """A client of the emulator, which takes any key for an account of its own."""
    url = await asyncio.to_thread(endpoint)
    async with client_at(url, UserKeys("AKIAEXAMPLE", "example")) as client:
        yield client


@asynccontextmanager
async def fresh_table(client: DynamoDBClient) -> AsyncIterator[str]:
    """The name of an empty sessions table, made as provisioning makes it; deleted afterwards."""
    async with _fresh(client, sessions_table(_name("sessions"))) as name:
        yield name


@asynccontextmanager
async def fresh_ledgers(client: DynamoDBClient) -> AsyncIterator[Mapping[Ledger, str]]:
    """The names of empty tables of every ledger."""
    async with AsyncExitStack() as stack:
        tables = [(ledger, ledger_table(ledger, _name(ledger.value))) for ledger in Ledger]
        yield {ledger: await stack.enter_async_context(_fresh(client, table)) for ledger, table in tables}


def _name(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"  # noqa: TID251


@asynccontextmanager
async def _fresh(client: DynamoDBClient, table: Table) -> AsyncIterator[str]:
    await apply(DynamoDbProvisioner(client, poll=0.02), table)
    try:
        yield table.name
    finally:
        await client.update_table(TableName=table.name, DeletionProtectionEnabled=False)
        await client.delete_table(TableName=table.name)
