"""The loopback server from bind to stop."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket

from sentinel_server.clock import Clock
from sentinel_server.errors import InvalidSetting
from sentinel_server.web.app import CREDENTIALS, SameUser, create_app
from sentinel_server.web.auth import Guard
from sentinel_server.web.connection import Connections
from sentinel_server.web.door import Door, Witness
from sentinel_server.web.options import WebOptions
from sentinel_server.web.rate_limit import RateLimit

_BACKLOG = 1024
"""Connections the system may hold for us while we are busy."""
_DRAIN = 0.85
"""Seconds running fetches get when the server stops: more than their deadline, and twice it less than two."""


class LoopbackServer:
    """Serves one door on one address, once; an async context manager, or `start` and `stop`.

    `same_user` is asked once per connection.
    """

    def __init__(
        self, door: Door, witness: Witness, options: WebOptions, *, clock: Clock, same_user: SameUser
    ) -> None:
        self._door = door
        self._witness = witness
        self._options = options
        self._clock = clock
        self._same_user = same_user
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
        listener = _bind(self._options)
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
        server = await asyncio.get_running_loop().create_server(connections, sock=listener, backlog=_BACKLOG)
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


def _bind(options: WebOptions) -> socket.socket:
    """A listening socket on this machine's own address; plain HTTP with secrets goes nowhere else."""
    try:
        address = ipaddress.IPv4Address(options.listen)
    except ValueError as error:
        raise InvalidSetting(f"cannot listen on {options.listen!r}: not an IPv4 address") from error
    if not (address.is_loopback or address.is_link_local):
        raise InvalidSetting(
            f"cannot listen on {address}: not loopback or link-local, others could read along"
        )
    if not 0 <= options.port <= 65535:
        raise InvalidSetting(f"cannot listen on port {options.port}: a port is between 0 and 65535")
    try:
        return socket.create_server((options.listen, options.port), backlog=_BACKLOG)
    except OSError as error:
        raise _unusable(options, error) from error


def _unusable(options: WebOptions, error: OSError) -> InvalidSetting:
    where = f"cannot listen on {options.listen}:{options.port}"
    if error.errno == errno.EADDRINUSE:
        return InvalidSetting(
            f"{where}: the port is taken", hint="choose another --server-port, or leave it out"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        hint = f"give this machine the address: sudo ip address add {options.listen}/32 dev lo"
        return InvalidSetting(f"{where}: this machine does not have that address", hint=hint)
    return InvalidSetting(f"{where}: {os.strerror(error.errno or 0)}")
