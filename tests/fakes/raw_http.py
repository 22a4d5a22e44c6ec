"""An HTTP client that sends the bytes it is given, well-formed or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response as it came; `header` has the status line, too."""

    status: int
    header: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as an object."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class RawClient:
    """One connection. Every wait ends after five seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, text: str | bytes) -> None:
        """Write without waiting."""
        self._writer.write(text if isinstance(text, bytes) else text.encode("latin-1"))

    async def answer(self, *, has_body: bool = True) -> Answer:
        """The next response; raises asyncio.IncompleteReadError when the connection ends before it."""
        async with asyncio.timeout(5):
            header = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            length = int(header.lower().partition("content-length:")[2].partition("\r\n")[0])
            body = await self._reader.readexactly(length if has_body else 0)
        return Answer(status=int(header.split()[1]), header=header, body=body)

    async def one_read(self) -> bytes:
        """Whatever the next segment brings."""
        async with asyncio.timeout(5):
            return await self._reader.read(64 * 1024)

    async def closed(self) -> bool:
        """Wait for the end of the connection; False when more bytes came instead."""
        async with asyncio.timeout(5):
            try:
                return await self._reader.read(1) == b""
            except ConnectionResetError:
                return True


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[RawClient]:
    """A connection to our own machine, closed at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()


async def ask(port: int, text: str | bytes) -> Answer:
    """One request on a connection of its own."""
    async with connected(port) as client:
        client.send(text)
        return await client.answer()
