"""Connections of strangers, who hold them open to keep our child out."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.sites import Open, Site

ROOM = 4


async def answer(site: Site, request: str) -> bytes:
    """The first line of the answer on a connection of its own, empty when it was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        writer.write(request.encode())
        return await reader.readline()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("says", ["", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"])
async def test_idle_strangers_make_room_for_the_child(open_site: Open, says: str) -> None:
    site = await open_site(max_connections=ROOM)
    strangers = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(ROOM)]
    for reader, writer in strangers:
        writer.write(says.encode())
        if says:
            await reader.readline()
    assert (await answer(site, site.request())).startswith(b"HTTP/1.1 200")
    for _, writer in strangers:
        writer.close()


async def test_who_has_shown_the_token_is_not_put_out(open_site: Open) -> None:
    site = await open_site(max_connections=ROOM)
    children = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(ROOM)]
    for reader, writer in children:
        writer.write(site.request().encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert await answer(site, site.request()) == b""
    for _, writer in children:
        writer.close()
