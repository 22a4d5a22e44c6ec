"""HTTP connections to one host, kept while they are good, each driven by a thread of a pool of its own.

`http.client` costs no import and answers as fast as aiohttp's client; that it blocks is why it has threads.
Whoever stops waiting for an answer ends its connection, so that no thread waits on for nobody.
"""

from __future__ import annotations

import asyncio
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)

from sentinel_server.adapters.aws.direct.framing import body_of, ends_for_certain
from sentinel_server.adapters.aws.direct.protocols import NoAnswer, Reply
from sentinel_server.workers import Workers

if TYPE_CHECKING:
    import ssl

Address = tuple[Any, Any, int, str, Any]
"""What `getaddrinfo` gives."""

IDLE_SECONDS = 55.0
"""How long a connection may wait for the next request: AWS's own balancers forget after 60."""

PATIENCE = 3
"""How many times the seconds of a silence an answer may take in all, however slowly it drips."""

LOOKUPS = 2
"""How often a name is looked up at the same time: nobody can end that, and its threads are everybody's."""

LARGEST = 32 * 2**20
"""Bytes of an answer: BatchGetItem's 16 MB, written as JSON."""


class Connections:
    """To the host of `url`; at most `limit` at a time, whoever comes later waits."""

    def __init__(
        self,
        url: str,
        *,
        connect: float,
        read: float,
        limit: int = 20,
        ca_bundle: str | None = None,
        largest: int = LARGEST,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`connect` and `read` are seconds, the latter without a byte. `ca_bundle` is a file of certificates
        to trust instead of botocore's, `largest` the bytes of an answer that is read.
        """
        self._url = url
        self._connect = connect
        self._read = read
        self._ca_bundle = ca_bundle
        self._monotonic = monotonic
        self._idle: list[tuple[HTTPConnection, float]] = []
        self._busy: set[_Exchange] = set()
        self._lookups: list[asyncio.Future[list[Address]]] = []
        self.largest = largest
        self._limit = limit
        self._closed = False
        self._threads = Workers("aws", limit)

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """What the host says to this. Raises botocore's errors of connecting and reading, and NoAnswer."""
        try:
            async with asyncio.timeout(self._connect + PATIENCE * self._read):
                return await self._posted(path, headers, body)
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url) from error
        except asyncio.CancelledError:
            if not _is_cancelled():  # by a close, while it waited for a thread or for a name
                self._refuse_when_closed()
            raise

    async def _posted(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self._refuse_when_closed()
        self._forget()
        kept = self.usable()
        addresses = [] if kept is not None else await self._addresses()
        self._refuse_when_closed()
        exchange = _Exchange(self, kept, addresses, (path, headers, body))
        self._busy.add(exchange)
        try:
            return await self._begun(exchange)
        finally:
            self._busy.discard(exchange)
            exchange.abandon()

    def _begun(self, exchange: _Exchange) -> asyncio.Future[Reply]:
        try:
            return self._threads.run(exchange.run)
        except RuntimeError as error:  # there is no thread to be had
            raise HTTPClientError(error=error) from error

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise ConnectionClosedError(endpoint_url=self._url)

    def close(self) -> None:
        """End all of them, in the loop; what is under way fails."""
        self._closed = True
        for exchange in tuple(self._busy):
            exchange.abandon()
        for lookup in self._lookups:
            lookup.cancel()
        self._close_idle()
        self._threads.close()

    def give(self, connection: HTTPConnection) -> None:
        """Have it back, from a thread, for the next one."""
        if len(self._idle) >= self._limit:
            connection.close()
            return
        self._idle.append((connection, self._monotonic() + IDLE_SECONDS))
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            with suppress(IndexError):  # a thread that gives one back does the same
                self._idle.pop()[0].close()

    def opened(
        self, addresses: Sequence[Address], hold: Callable[[socket.socket], None] = lambda _: None
    ) -> HTTPConnection:
        """A new connection to the first address that takes it, made in a thread.

        `hold` is shown every socket before anything is waited for.
        """
        host, secure = self._host
        try:
            context = trusting(self._ca_bundle) if secure else None
        except OSError as error:  # a bundle of certificates that cannot be read
            why = OSError(f"{self._ca_bundle}: {error.strerror}")
            raise SSLError(endpoint_url=self._url, error=why) from error
        made = HTTPConnection("aws")  # a name that nobody looks up: its socket is made here
        made.auto_open = 0  # it would open another connection by itself, in the clear
        try:
            made.sock = _connected(addresses, self._connect, hold)
            if context is not None:
                made.sock = secured = context.wrap_socket(
                    made.sock, server_hostname=host, do_handshake_on_connect=False
                )
                hold(secured)
                secured.do_handshake()
            made.sock.settimeout(self._read)
        except TimeoutError as error:
            made.close()
            raise ConnectTimeoutError(endpoint_url=self._url) from error
        except OSError as error:
            made.close()
            raise self._not_connected(error) from error
        return made

    def usable(self) -> HTTPConnection | None:
        """One that is idle, the last one used first, if it is good for another request. For threads, too."""
        while self._idle:
            with suppress(IndexError):  # another thread has taken it
                kept = self._idle.pop()
                if self._is_good(kept):
                    return kept[0]
                kept[0].close()
        return None

    def _forget(self) -> None:
        """Close the idle ones that are good for nothing, or they would lie there after a burst."""
        for _ in range(len(self._idle)):
            with suppress(IndexError):  # another thread has taken it
                kept = self._idle.pop(0)  # looked at by nobody else meanwhile: TLS would not bear it
                if self._is_good(kept):
                    self._idle.append(kept)
                else:
                    kept[0].close()

    def _is_good(self, kept: tuple[HTTPConnection, float]) -> bool:
        """It has something to read when the other side has closed it, too."""
        connection, until = kept
        return (
            connection.sock is not None and self._monotonic() < until and not _has_something(connection.sock)
        )

    async def _addresses(self) -> list[Address]:
        """Where the host is, by the loop's own way of looking names up."""
        try:
            async with asyncio.timeout(self._connect):
                return await asyncio.shield(self._lookup())
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url) from error
        except (OSError, UnicodeError) as error:  # UnicodeError of what is no name
            raise EndpointConnectionError(endpoint_url=self._url) from error

    def _lookup(self) -> asyncio.Future[list[Address]]:
        """A lookup of the host's name, one's own or the last one of as many as may be under way."""
        self._lookups = [each for each in self._lookups if not each.done()]
        if len(self._lookups) < LOOKUPS:
            parts = urlsplit(self._url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            look_up = asyncio.get_running_loop().getaddrinfo
            begun = asyncio.ensure_future(look_up(parts.hostname, port, type=socket.SOCK_STREAM))
            begun.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._lookups.append(begun)
        return self._lookups[-1]

    @property
    def _host(self) -> tuple[str, bool]:
        parts = urlsplit(self._url)
        return parts.hostname or "", parts.scheme == "https"

    def _not_connected(self, error: OSError) -> Exception:
        import ssl

        if isinstance(error, ConnectionAbortedError):
            return ConnectionClosedError(endpoint_url=self._url)
        if isinstance(error, ssl.SSLError):
            return SSLError(endpoint_url=self._url, error=error)
        return EndpointConnectionError(endpoint_url=self._url)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raises what goes wrong on an open connection as botocore's errors."""
        try:
            yield
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url) from error
        except (HTTPException, ValueError) as error:
            if isinstance(error, ConnectionError):
                raise ConnectionClosedError(endpoint_url=self._url) from error
            raise HTTPClientError(error=type(error).__name__) from error
        except OSError as error:
            raise ConnectionClosedError(endpoint_url=self._url) from error


class _Exchange:
    """One request and its reply. `run` is a thread's, `abandon` may come from any."""

    def __init__(
        self,
        home: Connections,
        kept: HTTPConnection | None,
        addresses: Sequence[Address],
        request: tuple[str, Mapping[str, str], bytes],
    ) -> None:
        self._home = home
        self._kept = kept
        self._sock: socket.socket | None = kept.sock if kept is not None else None
        self._addresses = addresses
        self._request = request
        self._started = False
        self._abandoned = False

    def run(self) -> Reply:
        self._started = True
        connection = self._kept or self._home.usable()  # one may have come back since
        if connection is None:
            connection = self._home.opened(self._addresses, self._hold)
        self._sock = connection.sock
        try:
            with self._home.errors():
                reply = self._exchanged(connection)
        except BaseException:
            self._sock = None
            connection.close()
            raise
        self._sock = None
        if connection.sock is None or self._abandoned:
            connection.close()
        else:
            self._home.give(connection)
        return reply

    def abandon(self) -> None:
        """Nobody waits any more: a connect, read or write under way ends at once."""
        self._abandoned = True
        if (sock := self._sock) is not None:
            with suppress(OSError):  # not by TLS's own method, which would take the session from its reader
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        if self._kept is not None and not self._started:
            self._kept.close()

    def _hold(self, sock: socket.socket) -> None:
        self._sock = sock
        if self._abandoned:
            raise ConnectionAbortedError

    def _exchanged(self, connection: HTTPConnection) -> Reply:
        if self._abandoned:
            raise ConnectionAbortedError
        path, headers, body = self._request
        connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        with connection.getresponse() as response:
            if not ends_for_certain(response):
                raise NoAnswer
            found = body_of(response, self._home.largest)
            if response.length:
                raise ConnectionResetError("the answer ended before its length")
        return Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=found,
        )


def _is_cancelled() -> bool:
    """Whether it is the task itself that somebody has cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _connected(
    addresses: Sequence[Address], within: float, hold: Callable[[socket.socket], None]
) -> socket.socket:
    """A socket to the first of them that answers, each given `within` seconds. Raises OSError."""
    failed: OSError = ConnectionRefusedError("it has no address")
    for family, kind, protocol, _, where in addresses:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(within)
            hold(made)
            made.connect(where)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except ConnectionAbortedError:  # for nobody
            made.close()
            raise
        except OSError as error:
            made.close()
            failed = error
        else:
            return made
    raise failed


def _has_something(sock: socket.socket) -> bool:
    if (deciphered := getattr(sock, "pending", None)) is not None and deciphered():
        return True  # TLS has taken it off the wire already
    if sys.platform == "win32":
        return bool(select.select([sock], [], [], 0)[0])
    else:  # select has a largest file descriptor
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))


@cache
def trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """As botocore's: TLS 1.2 at least, the host's name checked, its bundle of certificates. Some 40 ms.

    Not `create_default_context`: since Python 3.13 it refuses authorities that botocore takes, such as many
    a company's, and takes intermediate ones that it refuses.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca_bundle or _bundle())
    return context


def _bundle() -> str:
    try:
        from certifi import where
    except ImportError:
        import botocore

        return botocore.__file__.replace("__init__.py", "cacert.pem")
    return where()
