"""What a refusal looks like, and what stays inside."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.errors import PolicyDenied
from sentinel_server.web.errors import refusal, unexpected
from tests.fakes.doors import CANARY, FakeDoor
from tests.fakes.raw_http import connected
from tests.fakes.sites import MALFORMED, TOKEN, Site


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_refusal_is_one_printable_line_under_300_characters(message: str, hint: str) -> None:
    page = refusal(PolicyDenied(message, hint=hint))
    told = json.loads(page.body)
    assert list(told) == ["code", "message", "Code", "Message"]
    assert (told["code"], told["message"]) == (told["Code"], told["Message"])
    assert len(told["message"]) < 300
    assert told["message"].isprintable()
    assert b"\n" not in page.body


def test_what_a_terminal_would_obey_is_not_sent() -> None:
    told = json.loads(refusal(PolicyDenied("no\x1b[2J\x9b31m\u202ereason", hint="")).body)
    assert told["message"] == "no?[2J?31m?reason"


def test_words_in_any_language_are_shown_as_they_are() -> None:
    assert "règle «données»".encode() in refusal(PolicyDenied("règle «données»", hint="")).body


def test_the_log_says_where_it_failed_and_not_what_was_said(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        try:
            raise KeyError(CANARY)
        except KeyError as cause:
            raise ValueError(CANARY) from cause

    with pytest.raises(ValueError, match=CANARY) as caught:
        fail()
    unexpected(caught.value)
    assert "unexpected ValueError, after KeyError" in caplog.text
    assert "in fail" in caplog.text


async def test_nothing_secret_is_ever_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    doors = FakeDoor(), FakeDoor(raises=RuntimeError(CANARY)), FakeDoor(raises=PolicyDenied("no"))
    texts = [site.request(), site.request(Authorization=f"{TOKEN}x"), site.request(f"/{TOKEN}"), *MALFORMED]
    for door in doors:
        site.door.raises = door.raises
        for text in texts:
            async with connected(site.port) as client:
                client.send(text)
                await client.answer()
    await site.server.stop()
    assert "unexpected RuntimeError" in caplog.text
    everything = caplog.text + repr(site.witness) + repr(site.options) + repr(site.server)
    assert not any(word in everything for word in (CANARY, TOKEN, "ASIACANARY", "canary-session-token"))
