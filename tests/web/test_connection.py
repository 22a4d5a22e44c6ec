"""Clients that are slow, silent, too many or do not speak HTTP."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.doors import BODY
from tests.fakes.raw_http import RawClient, ask, connected
from tests.fakes.sites import MALFORMED, TOKEN, Open, Site


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
async def test_what_is_not_a_request_gets_one_short_answer_of_ours(site: Site, text: str) -> None:
    async with connected(site.port) as client:
        client.send(text)
        answer = await client.answer()
        assert (answer.status, answer.json()["code"]) == (400, "BadInput")
        assert "\r\nContent-Type: application/json\r\n" in answer.header
        assert "\r\nServer:" not in answer.header
        assert TOKEN.encode() not in answer.body
        assert await client.closed()
    assert site.door.asked == 0
    assert (await ask(site.port, site.request())).status == 200


async def test_an_endless_header_is_cut_off(site: Site) -> None:
    async with connected(site.port) as client:
        client.send("GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        client.send("x" * 100_000)
        assert (await client.answer()).status == 400
        assert await client.closed()


async def test_a_head_that_trickles_in_is_cut_off(open_site: Open) -> None:
    site = await open_site(head_timeout=0.2)
    async with connected(site.port) as client:
        text = site.request()
        trickle = asyncio.create_task(_trickle(client.send, text[:-2]))
        assert await client.closed()
        trickle.cancel()
    assert site.door.asked == 0


async def _trickle(send: object, text: str) -> None:
    assert callable(send)
    for letter in text:
        send(letter)
        await asyncio.sleep(0.05)


async def test_a_client_that_never_says_anything_is_cut_off(open_site: Open) -> None:
    site = await open_site(head_timeout=0.2)
    async with connected(site.port) as client:
        assert await client.closed()


async def test_a_second_head_has_its_own_time(open_site: Open) -> None:
    site = await open_site(head_timeout=0.2)
    async with connected(site.port) as client:
        client.send(site.request())
        assert (await client.answer()).status == 200
        client.send("GET /credentials HTTP/1.1\r\nHos")
        assert await client.closed()


async def test_an_idle_connection_outlives_the_time_for_a_head(open_site: Open) -> None:
    site = await open_site(head_timeout=0.1)
    async with connected(site.port) as client:
        client.send(site.request())
        assert (await client.answer()).status == 200
        await asyncio.sleep(0.4)
        client.send(site.request())
        assert (await client.answer()).status == 200


async def test_a_running_fetch_outlives_the_time_for_a_head(open_site: Open) -> None:
    site = await open_site(head_timeout=0.1)
    site.door.holds = True
    async with connected(site.port) as client:
        client.send(site.request())
        await asyncio.sleep(0.4)
        site.door.let_go.set()
        assert (await client.answer()).body == BODY


async def test_an_idle_connection_is_closed_in_the_end(open_site: Open) -> None:
    site = await open_site(idle_timeout=0.2)
    async with connected(site.port) as client:
        client.send(site.request())
        assert (await client.answer()).status == 200
        assert await client.closed()


def test_an_idle_connection_is_kept_for_as_long_as_sdks_reuse_theirs() -> None:
    assert Site().options.idle_timeout >= 75


async def test_connections_beyond_the_limit_are_closed_until_there_is_room(
    open_site: Open,
) -> None:
    site = await open_site(max_connections=2)
    async with connected(site.port) as first, connected(site.port) as second:
        for client in (first, second):
            client.send(site.request())
            assert (await client.answer()).status == 200
        async with connected(site.port) as third:
            assert await third.closed()
        first.send(site.request(Connection="close"))
        assert (await first.answer()).status == 200
        assert await first.closed()
        async with connected(site.port) as fourth:
            fourth.send(site.request())
            assert (await fourth.answer()).status == 200


async def test_a_client_that_does_not_read_its_answers_is_dropped(open_site: Open) -> None:
    site = await open_site(rate_limit=0)
    site.door.body = b" " * 32_000
    async with connected(site.port) as client:
        client.send(site.request() * 1000)
        before = -1
        while site.door.asked != before:
            before = site.door.asked
            assert (await ask(site.port, site.request("/healthz"))).status == 200
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await _read_all(client, 1000)
    assert site.door.asked < 1000


async def _read_all(client: RawClient, answers: int) -> None:
    for _ in range(answers):
        await client.answer()


async def test_a_client_that_leaves_during_its_fetch_is_no_ones_problem(site: Site) -> None:
    site.door.holds = True
    async with connected(site.port) as client:
        client.send(site.request())
        await site.door.crowded.wait()
    site.door.let_go.set()
    assert (await ask(site.port, site.request())).status == 200
    assert site.witness.failures == []


async def test_half_a_close_ends_the_connection(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(b"GET /credentials HT")
    writer.write_eof()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.transport.abort()
