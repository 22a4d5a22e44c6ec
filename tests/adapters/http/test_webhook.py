"""Webhooks: signed, never redirected, tried again where that helps, and nothing told about their URL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from sentinel_server.adapters.http.webhook import Webhook, read_retry_after
from sentinel_server.canonical import canonical
from sentinel_server.clock import SystemClock
from sentinel_server.errors import InvalidSetting, NotificationFailed
from sentinel_server.notifications.event import EventType, to_fields
from sentinel_server.notifications.message import Message, read_message
from sentinel_server.notifications.signature import signature
from sentinel_server.notifications.slack import slack_body
from sentinel_server.secret import Secret
from tests.adapters.http.test_addresses import found
from tests.fakes.certificates import Certified
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.notices import asked
from tests.fakes.receiver import Posted, Receiver, hangs_up, receiving, says

ID = "0123456789abcdef"
KEY = Secret("k" * 40)
SOON = timedelta(seconds=4)


def message(type_: EventType = EventType.REQUEST_CREATED) -> Message:
    """Alice's request, as it is sent."""
    return read_message(canonical(to_fields(asked(type_))).decode(), ID)


@asynccontextmanager
async def hook(receiver: Receiver, **options: object) -> AsyncIterator[Webhook]:
    """A webhook to the receiver that is quick to try again."""
    made: dict[str, object] = {"clock": SystemClock(), "chance": lambda: 0.0, "keys": [KEY], **options}
    webhook = Webhook(Secret(receiver.url), **made)  # type: ignore[arg-type]
    try:
        yield webhook
    finally:
        await webhook.close()


async def refusal(receiver: Receiver, within: timedelta = SOON, **options: object) -> NotificationFailed:
    """How sending fails that has to fail."""
    async with hook(receiver, **options) as webhook:
        with pytest.raises(NotificationFailed) as caught:
            await webhook.send(message(), within)
    assert "T0PSECRET" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    return caught.value


async def test_30_a_message_is_posted_signed_with_its_type_and_its_delivery_id() -> None:
    async with receiving() as receiver, hook(receiver, clock=FakeClock(time=NOON)) as webhook:
        await webhook.send(message(), SOON)
    (posted,) = receiver.got
    assert posted.body == message().payload
    assert posted.headers["Content-Type"] == "application/json"
    assert (posted.delivery, posted.headers["X-Sentinel-Event"]) == (ID, "request.created")
    assert posted.headers["X-Sentinel-Signature"] == signature([KEY], posted.body, NOON)
    assert json.loads(posted.body)["delivery"] == ID


async def test_without_a_key_there_is_no_signature() -> None:
    async with receiving() as receiver, hook(receiver, keys=(), render=slack_body) as webhook:
        await webhook.send(message(), SOON)
    assert "X-Sentinel-Signature" not in receiver.got[0].headers
    assert set(json.loads(receiver.got[0].body)) == {"text", "blocks"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
async def test_30_a_redirect_is_never_followed(status: int) -> None:
    async with receiving() as elsewhere, receiving() as receiver:
        receiver.otherwise = says(status, Location=elsewhere.url)
        error = await refusal(receiver)
    assert "redirect" in error.message
    assert (len(receiver.got), elsewhere.got) == (1, [])


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
async def test_30_what_may_pass_is_tried_again(status: int) -> None:
    async with receiving() as receiver:
        receiver.script = [says(status)]
        async with hook(receiver) as webhook:
            await webhook.send(message(), SOON)
    assert [posted.delivery for posted in receiver.got] == [ID, ID]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
async def test_what_will_not_pass_is_not_tried_again_at_once(status: int) -> None:
    async with receiving() as receiver:
        receiver.otherwise = says(status, "no_such_channel")
        error = await refusal(receiver)
    assert error.message == f"127.0.0.1 answered {status}: no_such_channel"
    assert len(receiver.got) == 1


async def test_a_connection_that_ends_without_an_answer_is_tried_again() -> None:
    async with receiving() as receiver:
        receiver.script = [hangs_up]
        async with hook(receiver) as webhook:
            await webhook.send(message(), SOON)
    assert [posted.delivery for posted in receiver.got] == [ID, ID]


async def test_trying_again_comes_to_an_end() -> None:
    async with receiving() as receiver:
        receiver.otherwise = says(503)
        error = await refusal(receiver)
    assert error.message == "127.0.0.1 answered 503"
    assert 2 <= len(receiver.got) <= 4


async def test_30_retry_after_in_seconds_is_kept() -> None:
    async with receiving() as receiver:
        receiver.script = [says(429, Retry_After="1")]
        clock = SystemClock()
        begun = clock.monotonic()
        async with hook(receiver) as webhook:
            await webhook.send(message(), SOON)
        assert clock.monotonic() - begun >= 1.0


@pytest.mark.parametrize("after", ["3600", "Sat, 31 Jan 2026 13:00:00 GMT"])
async def test_30_a_wait_that_is_too_long_is_handed_on(after: str) -> None:
    async with receiving() as receiver:
        receiver.otherwise = says(429, Retry_After=after)
        error = await refusal(receiver, clock=FakeClock(time=NOON))
    assert error.retry_after == timedelta(hours=1)
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Sat, 31 Jan 2026 12:02:00 GMT", 120),
        ("Saturday, 31-Jan-26 12:02:00 GMT", 120),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0),
        ("Sat, 31 Jan 2026 12:02:00 -0000", 120),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_30_what_retry_after_may_say(text: str, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert read_retry_after({"Retry-After": text}, NOON) == expected


async def test_a_receiver_that_stalls_is_left_in_bounded_time() -> None:
    async with receiving() as receiver:
        receiver.stalled.clear()
        error = await refusal(receiver, timedelta(seconds=0.3))
    assert "no answer from 127.0.0.1" in error.message


async def test_a_receiver_that_is_gone_is_said_by_its_host_alone() -> None:
    async with receiving() as receiver:
        pass
    error = await refusal(receiver, timedelta(seconds=0.3))
    assert error.message.startswith("no connection with 127.0.0.1: ")


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async with receiving() as receiver:
        receiver.otherwise = says(400, "x" * 5_000_000)
        error = await refusal(receiver)
    assert len(error.message) < 200


async def test_words_that_are_no_text_are_not_repeated() -> None:
    async with receiving() as receiver:
        receiver.otherwise = says(400, "\x1b[31mred\x00")
        error = await refusal(receiver)
    assert error.message == "127.0.0.1 answered 400"


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "[fe80::1]", "[::ffff:127.0.0.1]"])
async def test_30_an_address_inside_is_refused_before_anything_is_sent(address: str) -> None:
    receiver = Receiver(port=443)
    webhook = Webhook(Secret(f"https://{address}/x"), clock=SystemClock(), chance=lambda: 0.0)
    with pytest.raises(NotificationFailed, match="not of the internet at large"):
        await webhook.send(message(), SOON)
    await webhook.close()
    assert receiver.got == []


def test_30_a_url_that_is_no_https_is_refused_when_it_is_configured() -> None:
    with pytest.raises(InvalidSetting, match="not https"):
        Webhook(Secret("http://hook.example.com/x"), clock=SystemClock(), chance=lambda: 0.0)


async def test_30_the_certificate_is_that_of_the_name_and_the_address_that_which_was_checked(
    tmp_path: Path,
) -> None:
    certified = Certified(tmp_path, "hook.example.com", "127.0.0.2")
    async with receiving(certified.server) as receiver:
        url = f"https://hook.example.com:{receiver.port}/x"
        webhook = Webhook(
            Secret(url),
            clock=SystemClock(),
            chance=lambda: 0.0,
            allow_private=True,
            tls=certified.client,
            look_up=found("127.0.0.1"),
        )
        await webhook.send(message(), SOON)
        await webhook.close()
    assert receiver.got[0].headers["Host"] == f"hook.example.com:{receiver.port}"


async def test_30_a_name_that_changes_its_address_leads_nowhere_inside(tmp_path: Path) -> None:
    certified = Certified(tmp_path, "hook.example.com", "127.0.0.2")
    async with receiving(certified.server) as receiver:
        webhook = Webhook(
            Secret(f"https://hook.example.com:{receiver.port}/x"),
            clock=SystemClock(),
            chance=lambda: 0.0,
            tls=certified.client,
            look_up=found("127.0.0.1"),
        )
        with pytest.raises(NotificationFailed, match=r"hook\.example\.com is at 127\.0\.0\.1"):
            await webhook.send(message(), SOON)
        await webhook.close()
    assert receiver.got == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    async with receiving(Certified(tmp_path, "hook.example.com", "127.0.0.2").server) as receiver:
        error = await refusal(receiver)
    assert "certificate of 127.0.0.1 is not valid" in error.message
    assert receiver.got == []


async def test_cookies_are_not_kept() -> None:
    async with receiving() as receiver:
        receiver.otherwise = says(204, Set_Cookie="a=b; Path=/")
        async with hook(receiver) as webhook:
            await webhook.send(message(), SOON)
            await webhook.send(message(), SOON)
    assert all("Cookie" not in posted.headers for posted in receiver.got)


async def test_every_attempt_is_signed_anew_over_the_same_bytes() -> None:
    clock = FakeClock(time=NOON)

    def later(_: Posted) -> web.Response:
        clock.time += timedelta(minutes=10)
        return web.Response(status=503)

    async with receiving() as receiver:
        receiver.script = [later]
        async with hook(receiver, clock=clock) as webhook:
            await webhook.send(message(), SOON)
    first, second = receiver.got
    assert first.body == second.body
    assert first.headers["X-Sentinel-Signature"] != second.headers["X-Sentinel-Signature"]
