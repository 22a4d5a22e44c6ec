"""What is served, to whom, and byte for byte how."""

from __future__ import annotations

import asyncio

import pytest

from sentinel_server.errors import SentinelError, all_errors
from tests.fakes.doors import BODY
from tests.fakes.raw_http import ask, connected
from tests.fakes.sites import TOKEN, Open, Site


async def test_a_fetch_is_answered_byte_for_byte_in_one_segment(site: Site) -> None:
    async with connected(site.port) as client:
        client.send(site.request())
        got = await client.one_read()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)
    assert got == head + b"Cache-Control: no-store\r\n\r\n" + BODY


async def test_a_query_makes_no_difference(site: Site) -> None:
    assert (await ask(site.port, site.request("/credentials?device=1&x=%2F"))).body == BODY


async def test_one_connection_serves_many_fetches(site: Site) -> None:
    async with connected(site.port) as client:
        for _ in range(3):
            client.send(site.request())
            assert (await client.answer()).status == 200
    assert (site.door.asked, site.looked_up) == (3, 1)


async def test_pipelined_requests_are_answered_in_order(site: Site) -> None:
    async with connected(site.port) as client:
        client.send(site.request() + site.request("/nowhere") + site.request("/healthz"))
        assert [(await client.answer()).status for _ in range(3)] == [200, 404, 200]


async def test_a_connection_is_closed_when_the_client_wants_that(site: Site) -> None:
    async with connected(site.port) as client:
        client.send(site.request(Connection="close"))
        answer = await client.answer()
        assert (answer.status, "\r\nConnection: close\r\n" in answer.header) == (200, True)
        assert await client.closed()


async def test_an_offer_to_speak_another_protocol_is_not_taken_up(site: Site) -> None:
    async with connected(site.port) as client:
        for _ in range(2):
            client.send(
                site.request(Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AAMAAA")
            )
            assert (await client.answer()).body == BODY


async def test_http_1_0_is_answered_and_closed(site: Site) -> None:
    async with connected(site.port) as client:
        client.send(site.request(Connection="keep-alive").replace("HTTP/1.1", "HTTP/1.0"))
        assert (await client.answer()).status == 200
        assert await client.closed()


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/credentials/",
        "/Credentials",
        "//credentials",
        "/%63redentials",
        "/x/../credentials",
        "/role-arn/arn:aws:iam::111122223333:role/admin",
        "http://127.0.0.1/credentials",
    ],
)
async def test_nothing_is_at_any_other_path(site: Site, target: str) -> None:
    answer = await ask(site.port, site.request(target))
    assert (answer.status, answer.json()["code"], site.door.asked) == (404, "NotFound", 0)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
@pytest.mark.parametrize("target", ["/credentials", "/healthz"])
async def test_only_get_is_answered(site: Site, method: str, target: str) -> None:
    answer = await ask(site.port, site.request(target, method=method))
    assert (answer.status, "\r\nAllow: GET\r\n" in answer.header, site.door.asked) == (405, True, 0)


async def test_head_is_refused_without_a_body(site: Site) -> None:
    async with connected(site.port) as client:
        client.send(site.request(method="HEAD"))
        assert (await client.answer(has_body=False)).status == 405
        client.send(site.request())
        assert (await client.answer()).body == BODY


async def test_a_body_nobody_asked_for_changes_nothing(site: Site) -> None:
    async with connected(site.port) as client:
        client.send(site.request(method="POST", Content_Length="1000000"))
        assert (await client.answer()).status == 405


async def test_what_follows_a_body_is_no_part_of_the_next_request(site: Site) -> None:
    """Trailers that were taken for headers of the next request would give it a token."""
    bodied = site.request("/healthz", Authorization="", Transfer_Encoding="chunked")
    async with connected(site.port) as client:
        client.send(f"{bodied}0\r\nAuthorization: {TOKEN}\r\n\r\n" + site.request(Authorization=""))
        assert (await client.answer()).status == 200
        assert await client.closed()
    assert site.door.asked == 0


async def test_alive_needs_no_token_and_says_nothing_else(site: Site) -> None:
    answer = await ask(site.port, site.request("/healthz", Authorization=""))
    assert (answer.status, answer.body) == (200, b'{"status":"alive"}')
    assert (site.door.asked, site.looked_up) == (0, 0)


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
async def test_every_refusal_keeps_its_status_and_code(site: Site, kind: type[SentinelError]) -> None:
    site.door.raises = kind("the reason", hint="do this")
    answer = await ask(site.port, site.request())
    told = {"code": kind.code, "message": "the reason; do this"}
    assert answer.json() == told | {"Code": kind.code, "Message": "the reason; do this"}
    assert answer.status == kind.http_status
    assert "\r\nContent-Type: application/json\r\n" in answer.header
    assert "\r\nCache-Control: no-store\r\n" in answer.header
    assert not any(
        word in answer.header.lower() for word in ("server:", "retry-after", "www-auth", "location")
    )
    assert site.witness.failures == []


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), TimeoutError("inner"), asyncio.CancelledError()], ids=repr
)
async def test_what_nobody_expected_is_a_failure_without_detail(site: Site, error: BaseException) -> None:
    site.door.raises = error
    async with connected(site.port) as client:
        client.send(site.request())
        answer = await client.answer()
        assert (answer.status, answer.json()["code"]) == (500, "Failed")
        assert b"boom" not in answer.body
        site.door.raises = None
        client.send(site.request())
        assert (await client.answer()).status == 200
    assert [error.code for error in site.witness.failures] == ["Failed"]


async def test_a_door_that_is_too_slow_is_cancelled_and_the_client_told(site: Site) -> None:
    site.door.holds = True
    began = asyncio.get_running_loop().time()
    answer = await ask(site.port, site.request())
    assert 0.79 < asyncio.get_running_loop().time() - began < 1.0  # JS v2, Java, PHP and C++ give up then
    assert (answer.status, answer.json()["code"]) == (500, "TooLate")
    assert (site.door.cancelled, [error.code for error in site.witness.failures]) == (1, ["TooLate"])


async def test_a_slow_fetch_does_not_hold_up_the_others(site: Site) -> None:
    site.door.holds = True
    async with connected(site.port) as slow:
        slow.send(site.request())
        async with connected(site.port) as quick:
            quick.send(site.request("/healthz"))
            assert (await quick.answer()).status == 200
        site.door.let_go.set()
        assert (await slow.answer()).body == BODY


async def test_five_hundred_connections_are_all_served(open_site: Open) -> None:
    site = await open_site(rate_limit=0, deadline=30.0)
    site.door.holds, site.door.crowd = True, 500
    fetches = [asyncio.create_task(ask(site.port, site.request())) for _ in range(500)]
    await site.door.crowded.wait()
    site.door.let_go.set()
    assert {answer.status for answer in await asyncio.gather(*fetches)} == {200}
