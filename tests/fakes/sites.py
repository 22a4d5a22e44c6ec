"""A loopback server with a fake door behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sentinel_server.clock import SystemClock
from sentinel_server.secret import Secret
from sentinel_server.web.options import WebOptions
from sentinel_server.web.run import LoopbackServer
from tests.fakes.doors import FakeDoor, FakeWitness

TOKEN = "canary-token-0123456789abcdefghijklmnopqrstuv"
"""The token of every site."""
MALFORMED = [
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    f"{TOKEN}\r\n\r\n",
    f"GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization {TOKEN}\r\n\r\n",
    f"GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {TOKEN}\0\r\n\r\n",
    f"GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nX: {TOKEN * 400}\r\n\r\n",
    f"GET /credentials?{TOKEN * 400} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\n" + f"X: {TOKEN}\r\n" * 200 + "\r\n",
    "GET\r\n\r\n",
    f"GET http://[{TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    f"GET /credentials HTTP/1.1\r\nContent-Length: x{TOKEN}\r\nHost: 127.0.0.1\r\n\r\n",
]
"""What no HTTP parser should take, each with the token somewhere in it or cut short."""


@dataclass(slots=True)
class Site:
    """A server and what stands behind it."""

    door: FakeDoor = field(default_factory=FakeDoor)
    witness: FakeWitness = field(default_factory=FakeWitness)
    options: WebOptions = field(default_factory=lambda: WebOptions(token=Secret(TOKEN)))
    ours: bool | Exception = True
    looked_up: int = 0
    server: LoopbackServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = LoopbackServer(
            self.door, self.witness, self.options, clock=SystemClock(), same_user=self._same_user
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    def request(self, target: str = "/credentials", *, method: str = "GET", **headers: str) -> str:
        """A fetch as an SDK sends it; `headers` add to it, and replace where the name is equal."""
        lines = {"Host": f"127.0.0.1:{self.port}", "Authorization": TOKEN} | headers
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items() if value)
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n"

    def _same_user(self, transport: asyncio.Transport) -> bool:
        self.looked_up += 1
        if isinstance(self.ours, Exception):
            raise self.ours
        return self.ours


class Open(Protocol):
    """Starts a site with the options of a test's choice, and stops it when the test ends."""

    def __call__(self, *, ours: bool | Exception = True, **options: Any) -> Awaitable[Site]:
        """A running site; `ours` is what the look-up of the other end's user says or raises."""
        ...
