"""One fetch as an SDK makes it: the token goes where it was sent, and no credential is kept."""

from __future__ import annotations

import pytest
from aiohttp import web

from sentinel_server.adapters.http.endpoint import ask_endpoint
from sentinel_server.errors import UpstreamFailed
from sentinel_server.secret import Secret
from tests.fakes.receiver import hangs_up, receiving, says

TOKEN = Secret("canary-token")
GIVEN = '{"Code": "Success", "SecretAccessKey": "canary"}'


async def test_what_is_given_is_thrown_away_and_the_token_is_sent_as_it_is() -> None:
    async with receiving() as endpoint:
        endpoint.otherwise = says(200, GIVEN)
        answer = await ask_endpoint(endpoint.url, TOKEN)
    assert (answer.status, answer.code, answer.message) == (200, "", "")
    assert "canary" not in repr(answer)
    assert endpoint.got[0].headers["Authorization"] == "canary-token"


async def test_without_a_token_none_is_sent() -> None:
    async with receiving() as endpoint:
        await ask_endpoint(endpoint.url, None)
    assert "Authorization" not in endpoint.got[0].headers


async def test_a_refusal_is_read_in_either_spelling() -> None:
    async with receiving() as endpoint:
        endpoint.script = [
            says(403, '{"code": "Blocked", "message": "dev is blocked"}'),
            says(403, '{"Code": "Blocked"}'),
        ]
        first, second = [await ask_endpoint(endpoint.url, TOKEN) for _ in range(2)]
    assert (first.status, first.code, first.message) == (403, "Blocked", "dev is blocked")
    assert (second.code, second.message) == ("Blocked", "")


@pytest.mark.parametrize("body", ["", "<html>", "[]", '"x"', '{"message": null}'])
async def test_a_refusal_that_says_nothing_is_one_all_the_same(body: str) -> None:
    async with receiving() as endpoint:
        endpoint.otherwise = says(500, body)
        answer = await ask_endpoint(endpoint.url, TOKEN)
    assert (answer.status, answer.code, answer.message) == (500, "", "")


async def test_what_is_too_long_for_a_message_is_cut() -> None:
    async with receiving() as endpoint:
        endpoint.otherwise = says(403, f'{{"code": "{"c" * 100}", "message": "{"m" * 1000}"}}')
        answer = await ask_endpoint(endpoint.url, TOKEN)
    assert (len(answer.code), len(answer.message)) == (60, 300)


async def test_no_redirect_is_followed_with_the_token() -> None:
    async with receiving() as elsewhere, receiving() as endpoint:
        endpoint.otherwise = says(302, Location=elsewhere.url)
        answer = await ask_endpoint(endpoint.url, TOKEN)
    assert (answer.status, elsewhere.got) == (302, [])


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as endpoint:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        endpoint.otherwise = says(200, GIVEN)
        await ask_endpoint(endpoint.url, TOKEN)
    assert (len(endpoint.got), proxy.got) == (1, [])


async def test_the_type_of_the_content_is_told() -> None:
    async with receiving() as endpoint:
        endpoint.otherwise = lambda _: web.Response(body=b"{}", headers={"Content-Type": "application/json"})
        answer = await ask_endpoint(endpoint.url, TOKEN)
    assert answer.content_type == "application/json"


async def test_no_answer_is_an_error_that_names_neither_token_nor_address() -> None:
    async with receiving() as endpoint:
        endpoint.otherwise = hangs_up
        url = endpoint.url
        with pytest.raises(UpstreamFailed) as caught:
            await ask_endpoint(url, TOKEN)
    assert "canary" not in str(caught.value)
    with pytest.raises(UpstreamFailed, match="does not answer"):
        await ask_endpoint("http://127.0.0.1:9/x", TOKEN)
    with pytest.raises(UpstreamFailed):
        await ask_endpoint("http://[", TOKEN)
