"""Servers that decide nothing, each a program of its own: the measure of ours.

`bare` returns fixed bytes; `sqlite` and `dynamodb` first make the read that a fetch makes, by the plain
library and by the product's own client. One JSON order comes on stdin, the port goes to stdout, and the end
of stdin is the end of it.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.credentials.endpoints import Direct
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.secret import Secret

Read = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which server, the bytes it returns, and where and what it reads."""

    kind: str
    body: str
    where: str = ""
    table: str = ""
    ids: tuple[str, ...] = ()


class Bare:
    """One such program, running; a context manager."""

    token = ""

    def __init__(self, order: Order, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bare"],
            env=None if environment is None else dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        self.port = int(self._process.stdout.readline())
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)


async def _reader(order: Order, stack: AsyncExitStack) -> Read | None:
    if order.kind == "sqlite":
        return _sqlite(order)
    if order.kind == "dynamodb":
        return await _dynamodb(order, stack)
    return None


def _sqlite(order: Order) -> Read:
    thread = ThreadPoolExecutor(1)
    connection = sqlite3.connect(order.where, isolation_level=None, check_same_thread=False)
    session, *blocks = order.ids
    marks = ", ".join("?" * len(blocks))

    def work() -> object:
        row = connection.execute("SELECT * FROM sessions WHERE id = ?", (session,)).fetchall()
        return row, connection.execute(f"SELECT * FROM blocks WHERE key IN ({marks})", blocks).fetchall()

    async def read() -> object:
        return await asyncio.get_running_loop().run_in_executor(thread, work)

    return read


async def _dynamodb(order: Order, stack: AsyncExitStack) -> Read:
    import boto3  # type: ignore[import-untyped]

    found = boto3.Session().get_credentials()
    assert found is not None
    keys = AwsCredentials(access_key_id=found.access_key, secret_access_key=Secret(found.secret_key))

    async def credentials() -> AwsCredentials:
        return keys

    session = AwsSession(
        region="us-east-1",
        credentials=credentials,
        endpoints={"dynamodb": order.where},
        direct=Direct(),
    )
    client: Any = await stack.enter_async_context(session.calls("dynamodb"))
    wanted = {"Keys": [{"id": {"S": each}} for each in order.ids], "ConsistentRead": True}

    async def read() -> object:
        return await client.batch_get_item(RequestItems={order.table: wanted})

    return read


async def _serve(order: Order) -> None:
    body = order.body.encode()
    async with AsyncExitStack() as stack:
        read = await _reader(order, stack)

        async def plain(_: web.Request) -> web.Response:
            return web.Response(
                body=body, content_type="application/json", headers={"Cache-Control": "no-store"}
            )

        async def reading(request: web.Request) -> web.Response:
            assert read is not None
            await read()
            return await plain(request)

        app = web.Application()
        app.router.add_get("/credentials", plain if read is None else reading)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve(Order(**json.loads(sys.stdin.readline()))))
