"""Responses as bytes, sent in one write.

Clients wait for header and body alike, and two writes can cost 40 ms of delayed acknowledgement. The header
is exact because Go v2 reads an error only when `Content-Type` is `application/json` and nothing more.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11

from sentinel_server.frozen import frozen

_UNREAD_LIMIT = 64 * 1024
"""Bytes of answers a client may leave unread before its connection is cut."""


@frozen
class Page:
    """One response, ready to be sent any number of times."""

    status: int
    head: bytes
    body: bytes


def page(status: int, body: bytes, *, allow: str = "") -> Page:
    """A JSON response. `allow` lists the methods a 405 has to name."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
    ]
    if allow:
        lines.append(f"Allow: {allow}")
    return Page(status=status, head="\r\n".join(lines).encode("ascii"), body=body)


class Reply(web.StreamResponse):
    """A page on its way to one client. `closing` ends the connection after it, and so does a request's body.

    No fetch has one, parsers differ about its end, and aiohttp's gives its trailers to the next request.
    """

    def __init__(self, content: Page, *, closing: bool = False) -> None:
        super().__init__(status=content.status)
        self._content = content
        self._stays_open = not closing

    @property
    def keep_alive(self) -> bool:
        """Whether the connection waits for another request; known once the page is sent."""
        return self._stays_open

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the page; raises ConnectionResetError when nobody is there any more."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        lasting = request.keep_alive and request.version >= HttpVersion11 and not request.body_exists
        self._stays_open = self._stays_open and lasting
        transport.write(self._bytes(without_body=request.method == "HEAD"))
        if transport.get_write_buffer_size() > _UNREAD_LIMIT:
            transport.abort()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: `prepare` has sent it all."""

    def _bytes(self, *, without_body: bool) -> bytes:
        end = b"\r\n\r\n" if self._stays_open else b"\r\nConnection: close\r\n\r\n"
        return self._content.head + end + (b"" if without_body else self._content.body)
