"""A webhook receiver on loopback: it takes messages, or fails, stalls, redirects and hangs up as told."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from queue import Queue

from aiohttp import web

KEY_VARIABLE = "HOOK_KEY"
"""Where the signing key of a test's webhook is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def delivery(self) -> str:
        """The delivery id in its header."""
        return self.headers["X-Sentinel-Delivery"]


Answer = Callable[[Posted], web.Response | None]
"""What is answered; None hangs up without a word."""


def says(status: int, text: str = "", **headers: str) -> Answer:
    """Answers always so; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=status, text=text, headers=named)


def hangs_up(_: Posted) -> None:
    """Ends the connection without an answer."""


@dataclass(slots=True)
class Receiver:
    """What it got, and how it answers: `script` first, one answer a request, then `otherwise`.

    While `stalled` is not set, nothing is answered at all.
    """

    port: int = 0
    scheme: str = "http"
    got: list[Posted] = field(default_factory=list)
    script: list[Answer] = field(default_factory=list)
    otherwise: Answer = field(default_factory=lambda: says(204))
    stalled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens; the path is a secret, as with Slack."""
        return f"{self.scheme}://127.0.0.1:{self.port}/hook/T0PSECRET"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one request."""
        posted = Posted(path=request.path, headers=dict(request.headers), body=await request.read())
        self.got.append(posted)
        await self.stalled.wait()
        answer = (self.script.pop(0) if self.script else self.otherwise)(posted)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer


@contextmanager
def receiving_elsewhere() -> Iterator[Receiver]:
    """A receiver in a thread of its own, for commands that have this one. Read it when they are done."""
    ready: Queue[tuple[Receiver, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def serve() -> None:
        done = asyncio.Event()
        async with receiving() as receiver:
            ready.put((receiver, asyncio.get_running_loop(), done))
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    receiver, loop, done = ready.get(timeout=20)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that takes everything, until told otherwise."""
    receiver = Receiver(scheme="https" if tls else "http")
    receiver.stalled.set()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        address: tuple[str, int] = runner.addresses[0]
        receiver.port = address[1]
        yield receiver
    finally:
        receiver.stalled.set()
        await runner.cleanup()
