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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
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

from sentinel_server.adapters.aws.direct.protocols import NoAnswer, Reply

if TYPE_CHECKING:
    import ssl

Address = tuple[Any, Any, int, str, Any]
"""What `getaddrinfo` gives."""

IDLE_SECONDS = 55.0
"""How long a connection may wait for the next request: AWS's own balancers forget after 60."""

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
        self.largest = largest
        self._closed = False
        self._threads = ThreadPoolExecutor(limit, thread_name_prefix="aws")

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """What the host says to this. Raises botocore's errors of connecting and reading, and NoAnswer."""
        kept = self._usable()
        addresses = [] if kept is not None else await self._addresses()
        if self._closed:
            raise ConnectionClosedError(endpoint_url=self._url)
        exchange = _Exchange(self, kept, addresses, (path, headers, body))
        self._busy.add(exchange)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, exchange.run)
        finally:
            self._busy.discard(exchange)
            exchange.abandon()

    def close(self) -> None:
        """End all of them; what is under way fails."""
        self._closed = True
        for exchange in tuple(self._busy):
            exchange.abandon()
        while self._idle:
            self._idle.pop()[0].close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def give(self, connection: HTTPConnection) -> None:
        """Have it back, from a thread, for the next one."""
        self._idle.append((connection, self._monotonic() + IDLE_SECONDS))
        if self._closed:
            self.close()

    def opened(self, addresses: Sequence[Address]) -> HTTPConnection:
        """A new connection to the first address that takes it, made in a thread."""
        host, secure = self._host
        try:
            context = trusting(self._ca_bundle) if secure else None
        except OSError as error:  # a bundle of certificates that cannot be read
            why = OSError(f"{self._ca_bundle}: {error.strerror}")
            raise SSLError(endpoint_url=self._url, error=why) from error
        made = HTTPConnection(host)
        made.auto_open = 0  # it would open another connection by itself, in the clear
        try:
            made.sock = _connected(addresses, self._connect)
            if context is not None:
                made.sock = context.wrap_socket(made.sock, server_hostname=host)
            made.sock.settimeout(self._read)
        except TimeoutError as error:
            made.close()
            raise ConnectTimeoutError(endpoint_url=self._url) from error
        except OSError as error:
            made.close()
            raise self._not_connected(error) from error
        return made

    def _usable(self) -> HTTPConnection | None:
        """One that is idle, the last one used first, if it is good for another request."""
        while self._idle:
            kept, until = self._idle.pop()
            # An idle connection has something to read when the other side has closed it, too.
            if kept.sock is not None and self._monotonic() < until and not _has_something(kept.sock):
                return kept
            kept.close()
        return None

    async def _addresses(self) -> list[Address]:
        """Where the host is, by the loop's own way of looking names up."""
        parts = urlsplit(self._url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        look_up = asyncio.get_running_loop().getaddrinfo
        try:
            async with asyncio.timeout(self._connect):
                return await look_up(parts.hostname, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=self._url) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._url) from error

    @property
    def _host(self) -> tuple[str, bool]:
        parts = urlsplit(self._url)
        return parts.hostname or "", parts.scheme == "https"

    def _not_connected(self, error: OSError) -> Exception:
        import ssl

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
        self._connection = kept
        self._addresses = addresses
        self._request = request
        self._started = False
        self._abandoned = False

    def run(self) -> Reply:
        self._started = True
        connection = self._connection or self._home.opened(self._addresses)
        self._connection = connection
        try:
            with self._home.errors():
                reply = self._exchanged(connection)
        except BaseException:
            self._connection = None
            connection.close()
            raise
        self._connection = None
        if connection.sock is None or self._abandoned:
            connection.close()
        else:
            self._home.give(connection)
        return reply

    def abandon(self) -> None:
        """Nobody waits any more: a read or write under way ends at once."""
        self._abandoned = True
        connection = self._connection
        sock = connection.sock if connection is not None else None
        if sock is not None:
            with suppress(OSError):  # not by TLS's own method, which would take the session from its reader
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        if connection is not None and not self._started:
            connection.close()

    def _exchanged(self, connection: HTTPConnection) -> Reply:
        if self._abandoned:
            raise ConnectionAbortedError
        path, headers, body = self._request
        connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        if not _ends_for_certain(response):
            raise NoAnswer
        found = _body(response, self._home.largest)
        if response.length:
            raise ConnectionResetError("the answer ended before its length")
        return Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=found,
        )


_BODILESS = frozenset({204, 304})


def _ends_for_certain(response: HTTPResponse) -> bool:
    """Whether it says once, and in one way, how long it is; else its rest may be taken for the next answer.

    An interim answer (1xx) has another one to follow, and nothing tells what may follow one without a body.
    """
    lengths: list[str] = response.headers.get_all("content-length", [])
    codings: list[str] = response.headers.get_all("transfer-encoding", [])
    if response.status < 200 or response.status in _BODILESS:
        return False
    if codings:
        return response.chunked and len(codings) == 1 and not lengths
    return (
        len(lengths) == 1 and lengths[0].isascii() and lengths[0].isdecimal() and response.length is not None
    )


def _body(response: HTTPResponse, largest: int) -> bytes:
    """All of it, or as far as it goes. Raises NoAnswer for more than `largest` bytes."""
    # By pieces where there are chunks: one may have any size, and below zero it would be read for ever.
    found = b"".join(_pieces(response, largest)) if response.chunked else response.read(largest + 1)
    if len(found) > largest:
        raise NoAnswer
    return found


def _pieces(response: HTTPResponse, largest: int) -> Iterator[bytes]:
    read = 0
    while read <= largest and (piece := response.read1(65536)):
        read += len(piece)
        yield piece


def _connected(addresses: Sequence[Address], within: float) -> socket.socket:
    """A socket to the first of them that answers, each given `within` seconds. Raises OSError."""
    failed: OSError = ConnectionRefusedError("it has no address")
    for family, kind, protocol, _, where in addresses:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(within)
            made.connect(where)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
    """As botocore's: TLS 1.2 at least, the host's name checked, its bundle of certificates. Some 40 ms."""
    import ssl

    return ssl.create_default_context(cafile=ca_bundle or _bundle())


def _bundle() -> str:
    try:
        from certifi import where
    except ImportError:
        import botocore

        return botocore.__file__.replace("__init__.py", "cacert.pem")
    return where()
