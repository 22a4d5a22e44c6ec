"""From bind to stop."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from sentinel_server.errors import InvalidSetting
from sentinel_server.secret import Secret
from sentinel_server.web.options import WebOptions
from tests.fakes.doors import BODY
from tests.fakes.raw_http import ask, connected
from tests.fakes.sites import TOKEN, Open, Site
from tests.fakes.waiting import until


def refused(port: int) -> bool:
    """Whether nobody listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False


async def test_the_url_is_the_literal_that_every_sdk_accepts(site: Site) -> None:
    assert site.server.url == f"http://127.0.0.1:{site.port}/credentials"
    assert site.port > 0


async def test_a_chosen_port_is_used_and_can_be_used_again(open_site: Open) -> None:
    first = await open_site()
    port = first.port
    async with connected(port) as client:
        client.send(first.request())
        await client.answer()
        await first.server.stop()
    second = await open_site(port=port)
    assert (second.port, (await ask(port, second.request())).status) == (port, 200)


async def test_a_taken_port_is_one_clear_error(site: Site, open_site: Open) -> None:
    with pytest.raises(InvalidSetting) as caught:
        await open_site(port=site.port)
    assert caught.value.line() == (
        f"cannot listen on 127.0.0.1:{site.port}: the port is taken; "
        "choose another --server-port, or leave it out"
    )


@pytest.mark.parametrize(
    "listen",
    ["0.0.0.0", "192.0.2.1", "localhost", "::1", "", "169.254.170.2 ", "127.0.0.1\r\nX: y"],
)
async def test_an_address_that_others_could_reach_is_refused(open_site: Open, listen: str) -> None:
    with pytest.raises(InvalidSetting, match="cannot listen on"):
        await open_site(listen=listen)


@pytest.mark.parametrize("port", [-1, 65536])
async def test_a_port_that_is_none_is_refused(open_site: Open, port: int) -> None:
    with pytest.raises(InvalidSetting, match="between 0 and 65535"):
        await open_site(port=port)


async def test_an_address_this_machine_does_not_have_is_one_clear_error(open_site: Open) -> None:
    with pytest.raises(InvalidSetting, match=r"cannot listen on 169\.254\.170\.2:0: \w+"):
        await open_site(listen="169.254.170.2")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 is there unless configured")
async def test_another_loopback_address_is_its_own_host(open_site: Open) -> None:
    site = await open_site(listen="127.0.0.2")
    assert site.server.url.startswith("http://127.0.0.2:")


async def test_a_server_runs_once_at_a_time(site: Site) -> None:
    with pytest.raises(RuntimeError, match="running already"):
        await site.server.start()


async def test_a_server_that_is_not_running_has_no_port() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Site().server.port


async def test_stopping_twice_or_unstarted_is_nothing(site: Site) -> None:
    await Site().server.stop()
    await site.server.stop()
    await site.server.stop()


async def test_after_stop_nobody_is_there(site: Site) -> None:
    port = site.port
    await site.server.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_stop_closes_the_listener_first_and_lets_running_fetches_end(site: Site) -> None:
    site.door.holds = True
    port = site.port
    async with connected(port) as client:
        client.send(site.request())
        await site.door.crowded.wait()
        stopping = asyncio.create_task(site.server.stop())
        await until(lambda: refused(port))
        site.door.let_go.set()
        assert (await client.answer()).body == BODY
        assert await client.closed()
        await stopping


async def test_stop_takes_at_most_two_seconds_whatever_clients_do(open_site: Open) -> None:
    site = await open_site(deadline=60.0)
    site.door.holds = True
    async with connected(site.port) as fetching, connected(site.port) as half, connected(site.port) as silent:
        fetching.send(site.request())
        half.send("GET /credentials HT")
        await site.door.crowded.wait()
        began = asyncio.get_running_loop().time()
        await site.server.stop()
        assert asyncio.get_running_loop().time() - began < 2.0
        for client in (fetching, half, silent):
            assert await client.closed()
    assert site.door.cancelled == 1


async def test_nothing_is_left_running_after_stop() -> None:
    before = asyncio.all_tasks()
    site = Site(options=WebOptions(token=Secret(TOKEN)))
    async with site.server, connected(site.port) as client:
        client.send(site.request())
        await client.answer()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
