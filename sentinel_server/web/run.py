"""The loopback server from bind to stop."""

from __future__ import annotations

import asyncio
import socket

from sentinel_server.clock import Clock
from sentinel_server.web.app import SameUser, create_app
from sentinel_server.web.auth import Guard
from sentinel_server.web.connection import Connections
from sentinel_server.web.door import Door, Witness
from sentinel_server.web.listening import BACKLOG, CREDENTIALS, bind
from sentinel_server.web.options import WebOptions
from sentinel_server.web.rate_limit import RateLimit

_DRAIN = 0.85
"""Seconds running fetches get when the server stops: more than their deadline, and twice it less than two."""


class LoopbackServer:
    """Serves one door on one address, once; an async context manager, or `start` and `stop`.

    `same_user` is asked once per connection. A `listener` is what `bind` gave, when it was called before.
    """

    def __init__(
        self,
        door: Door,
        witness: Witness,
        options: WebOptions,
        *,
        clock: Clock,
        same_user: SameUser,
        listener: socket.socket | None = None,
    ) -> None:
        self._door = door
        self._witness = witness
        self._options = options
        self._clock = clock
        self._same_user = same_user
        self._listener = listener
        self._running: _Running | None = None

    @property
    def port(self) -> int:
        """The port in use; RuntimeError when not running."""
        if self._running is None:
            raise RuntimeError("the loopback server is not running")
        return self._running.port

    @property
    def url(self) -> str:
        """What `AWS_CONTAINER_CREDENTIALS_FULL_URI` must be; RuntimeError when not running."""
        return f"http://{self._options.listen}:{self.port}{CREDENTIALS}"

    async def start(self) -> None:
        """Bind and serve. Raises InvalidSetting when the address or the port cannot be had."""
        if self._running is not None:
            raise RuntimeError("the loopback server is running already")
        listener, self._listener = self._listener or bind(self._options), None
        port = int(listener.getsockname()[1])
        turns = RateLimit(self._options.rate_limit, self._clock)
        app = create_app(
            self._door,
            self._witness,
            guard=Guard(self._options.token, listen=self._options.listen, port=port),
            turns=turns,
            same_user=self._same_user,
            deadline=self._options.deadline,
        )
        connections = Connections(app, self._options, turns.bucket)
        server = await asyncio.get_running_loop().create_server(connections, sock=listener, backlog=BACKLOG)
        self._running = _Running(port, server, connections)

    async def stop(self) -> None:
        """Close the listener, let running fetches end; done within two seconds, whatever clients do."""
        running, self._running = self._running, None
        if running is not None:
            await running.stop()

    async def __aenter__(self) -> LoopbackServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class _Running:
    """What exists from a start to its stop."""

    def __init__(self, port: int, server: asyncio.Server, connections: Connections) -> None:
        self.port = port
        self._server = server
        self._connections = connections
        self._sweep = asyncio.create_task(connections.sweep())

    async def stop(self) -> None:
        self._server.close()
        self._sweep.cancel()
        await asyncio.wait([self._sweep])
        await self._connections.drain(_DRAIN)
