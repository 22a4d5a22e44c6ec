"""Connections that cannot be held for ever: so many of them, and a time limit for every request's head.

aiohttp parses and keeps connections alive. It has no time limit for a head that trickles in, and what it
says about requests it cannot parse (a page of its own, the bad bytes in the log) is replaced here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from sentinel_server.bucket import Bucket
from sentinel_server.web.errors import MALFORMED, refusal, unexpected
from sentinel_server.web.options import WebOptions
from sentinel_server.web.reply import Reply

_log = logging.getLogger(__name__)

_HEAD_BYTES = 8 * 1024
"""Longest request line, and longest header; SDKs send a few hundred bytes."""
_HEAD_FIELDS = 64
_LINGER = 1.0
"""Seconds for a body nobody asked for to end, so that its sender can still read the refusal."""
_READ_BUFFER = 16 * 1024

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""What answers requests."""


class Connection(web.RequestHandler):
    """One client. `bucket`, `same_user` and whether it has `proven` itself are what is remembered of it."""

    __slots__ = ("_all", "_head_since", "_wire", "bucket", "proven", "same_user")

    def __init__(self, everyone: Connections, *, idle_timeout: float, bucket: Bucket | None) -> None:
        super().__init__(
            everyone,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=idle_timeout,
            logger=_log,
            access_log=None,  # type: ignore[arg-type]  # None is how it is switched off
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
            max_headers=_HEAD_FIELDS,
            lingering_time=_LINGER,
            read_bufsize=_READ_BUFFER,
            auto_decompress=False,
        )
        self._all = everyone
        self._head_since: float | None = None
        self._wire: asyncio.Transport | None = None
        self.bucket = bucket
        self.same_user: bool | None = None
        self.proven = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many already."""
        self._wire = cast(asyncio.Transport, transport)
        if not self._all.admit(self):
            self._wire.abort()
            return
        self._head_since = self._loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another."""
        self._all.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; the first byte of a request starts its clock."""
        if self._head_since is None:
            self._head_since = self._loop.time()
        super().data_received(data)

    def head_arrived(self) -> None:
        """Called by whoever answers: the request is there, the clock stops."""
        self._head_since = None

    def cut_if_slow(self, now: float, head_timeout: float) -> None:
        """Close the connection when the head of its request has taken too long."""
        if self._head_since is not None and now - self._head_since > head_timeout:
            self.force_close()

    def abort(self) -> None:
        """Drop the connection without sending what is left."""
        if self._wire is not None:
            self._wire.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what could not be parsed, or to a fault of ours; neither quotes what was sent."""
        if status < 500:
            return Reply(MALFORMED, closing=True)
        return Reply(refusal(unexpected(exc or RuntimeError())), closing=True)

    def log_exception(self, *args: object, **kw: object) -> None:
        """Log where it happened and not what was sent."""
        error = kw.get("exc_info")
        unexpected(error if isinstance(error, BaseException) else RuntimeError())


class Connections(web.Server):
    """All clients of one server, and the factory of their protocols."""

    def __init__(
        self, handler: Handler, options: WebOptions, bucket: Callable[[], Bucket | None] = lambda: None
    ) -> None:
        super().__init__(handler)
        self._options = options
        self._bucket = bucket
        self._live: dict[Connection, None] = {}

    def __call__(self) -> Connection:
        """A protocol for a connection that has just been accepted."""
        return Connection(self, idle_timeout=self._options.idle_timeout, bucket=self._bucket())

    def admit(self, connection: Connection) -> bool:
        """Take one in; False when there is no room.

        Whoever has not shown the token makes room, oldest first: any user of this machine can connect, and
        must not be able to keep our child out.
        """
        if len(self._live) >= self._options.max_connections:
            stranger = next((each for each in self._live if not each.proven), None)
            if stranger is None:
                return False
            self.forget(stranger)
            stranger.abort()
        self._live[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """It has ended."""
        self._live.pop(connection, None)

    async def sweep(self) -> None:
        """Look for slow clients, for ever."""
        loop = asyncio.get_running_loop()
        limit = self._options.head_timeout
        while True:
            await asyncio.sleep(min(1.0, limit / 4))
            for connection in tuple(self._live):
                connection.cut_if_slow(loop.time(), limit)

    async def drain(self, patience: float) -> None:
        """Let requests end for `patience` seconds, cancel them after as many more, and drop everybody."""
        self.pre_shutdown()
        try:
            await self.shutdown(patience)
        finally:
            for connection in tuple(self._live):
                connection.abort()
