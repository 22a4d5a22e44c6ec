"""Who is let through, and that nobody else learns why they were not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.secret import Secret
from sentinel_server.web.auth import Guard, fresh_token
from tests.fakes.raw_http import Answer, ask, connected
from tests.fakes.sites import TOKEN, Open, Site

GUARD = Guard(Secret(TOKEN), listen="127.0.0.1", port=4242)


def assert_stranger(answer: Answer, site: Site, why: str) -> None:
    assert answer.status == 403
    assert answer.json()["code"] == "NotAuthenticated"
    assert answer.json()["message"] == "this request is not from the shell that sentinel started"
    assert site.door.asked == 0
    assert site.witness.auth == [why]


def test_a_token_is_256_bits_that_every_sdk_can_send() -> None:
    tokens = {fresh_token().reveal() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


@settings(deadline=None)
@given(st.binary())
def test_no_other_bytes_are_the_token(given_bytes: bytes) -> None:
    assert bool(GUARD.unproven([(b"Authorization", given_bytes)])) == (given_bytes != TOKEN.encode())


@settings(deadline=None)
@given(st.binary())
def test_no_other_bytes_are_our_host(host: bytes) -> None:
    ours = (b"127.0.0.1", b"127.0.0.1:4242")
    assert bool(GUARD.misaddressed([(b"Host", host)])) == (host not in ours)


@settings(deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz-", max_size=20))
def test_every_fetch_metadata_header_is_a_browsers(rest: str) -> None:
    headers = [(b"Host", b"127.0.0.1"), (b"Sec-Fetch-" + rest.encode(), b"x")]
    assert GUARD.misaddressed(headers) == "header of a browser or proxy"


@pytest.mark.parametrize("headers", [[], [(b"Host", b"127.0.0.1")] * 2])
def test_one_host_is_needed(headers: list[tuple[bytes, bytes]]) -> None:
    assert GUARD.misaddressed(headers) == "wrong Host header"


def test_a_repeated_token_is_refused() -> None:
    assert GUARD.unproven([(b"Authorization", TOKEN.encode())] * 2) == "wrong token"


async def test_host_may_lack_the_port_and_header_names_any_case(site: Site) -> None:
    text = f"GET /credentials HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: {TOKEN}\r\n\r\n"
    assert (await ask(site.port, text)).status == 200


@pytest.mark.parametrize(
    "token", [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), f"Bearer {TOKEN}", "\xff\xfe", f'"{TOKEN}"', "null"]
)
async def test_a_wrong_token_is_refused(site: Site, token: str) -> None:
    assert_stranger(await ask(site.port, site.request(Authorization=token)), site, "wrong token")


async def test_a_missing_token_is_refused(site: Site) -> None:
    assert_stranger(await ask(site.port, site.request(Authorization="")), site, "no token")


@pytest.mark.parametrize("place", ["/credentials", "/healthz"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost",
        "127.0.0.2",
        "[::1]",
        "127.0.0.1:1",
        "2130706433",
    ],
)
async def test_a_name_that_was_rebound_to_us_is_refused(site: Site, place: str, host: str) -> None:
    assert_stranger(await ask(site.port, site.request(place, Host=host)), site, "wrong Host header")


async def test_no_host_at_all_is_refused(site: Site) -> None:
    text = site.request(Host="")
    assert (await ask(site.port, text)).status == 400
    assert_stranger(await ask(site.port, text.replace("HTTP/1.1", "HTTP/1.0")), site, "wrong Host header")


@pytest.mark.parametrize("place", ["/credentials", "/healthz"])
@pytest.mark.parametrize(
    "header", ["Origin", "origin", "Sec-Fetch-Site", "sec-fetch-mode", "X-Forwarded-For", "Forwarded"]
)
async def test_browsers_and_proxies_are_refused(site: Site, place: str, header: str) -> None:
    answer = await ask(site.port, site.request(place, **{header: "null"}))
    assert_stranger(answer, site, "header of a browser or proxy")


@pytest.mark.parametrize("header", ["Host: 127.0.0.1", f"Authorization: {TOKEN}"])
async def test_a_repeated_header_is_refused(site: Site, header: str) -> None:
    text = site.request().replace("\r\n\r\n", f"\r\n{header}\r\n\r\n")
    assert (await ask(site.port, text)).status in (400, 403)
    assert site.door.asked == 0


async def test_another_users_process_is_refused_even_with_the_token(open_site: Open) -> None:
    site = await open_site(ours=False)
    async with connected(site.port) as client:
        client.send(site.request() * 2)
        assert [(await client.answer()).status for _ in range(2)] == [403, 403]
    assert (site.witness.auth, site.looked_up) == (["another user's process"] * 2, 1)


async def test_the_connection_is_asked_about_before_the_token(open_site: Open) -> None:
    site = await open_site(ours=False)
    assert_stranger(await ask(site.port, site.request(Authorization="x")), site, "another user's process")


async def test_nothing_is_served_when_the_user_cannot_be_looked_up(open_site: Open) -> None:
    site = await open_site(ours=OSError("no /proc"))
    answer = await ask(site.port, site.request())
    assert (answer.status, answer.json()["code"], site.door.asked) == (500, "Failed", 0)


async def test_nothing_is_served_by_a_witness_that_raises(site: Site) -> None:
    site.witness.broken = True
    answer = await ask(site.port, site.request(Authorization="wrong"))
    assert (answer.status, answer.json()["code"], site.door.asked) == (500, "Failed", 0)
    assert (await ask(site.port, site.request())).status == 200


async def test_a_refused_client_may_try_again_on_the_same_connection(site: Site) -> None:
    async with connected(site.port) as client:
        client.send(site.request(Authorization="wrong") + site.request())
        assert [(await client.answer()).status for _ in range(2)] == [403, 200]
