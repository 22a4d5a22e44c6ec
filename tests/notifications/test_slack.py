"""What Slack shows: everything said, nothing that somebody typed taken for formatting, links or mentions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.canonical import canonical
from sentinel_server.notifications.event import Event, EventType, to_fields
from sentinel_server.notifications.message import read_message
from sentinel_server.notifications.slack import slack_body
from tests.fakes.clock import NOON
from tests.fakes.notices import asked, opened


def shown(event: Event, link_base: str = "") -> Any:
    """What is posted."""
    return json.loads(slack_body(read_message(canonical(to_fields(event)).decode(), "d" * 16, link_base)))


def texts(posted: Any) -> list[str]:
    """Every text in it."""
    if isinstance(posted, dict):
        return [text for name, value in posted.items() if name != "type" for text in texts(value)]
    if isinstance(posted, list):
        return [text for value in posted for text in texts(value)]
    return [posted] if isinstance(posted, str) else []


def kinds(posted: Any) -> set[str]:
    """Every type of an element."""
    found = {posted["type"]} if isinstance(posted, dict) and "type" in posted else set()
    inner = posted.values() if isinstance(posted, dict) else posted if isinstance(posted, list) else []
    return found.union(*(kinds(each) for each in inner))


def test_a_request_is_shown_with_who_what_why_and_how_to_answer() -> None:
    posted = shown(asked(), "https://console.example.com")
    assert posted["text"] == "access requested: prod for alice, by iam:111122223333:alice"
    everything = "\n".join(texts(posted))
    for part in (
        "Why: rotate the keys",
        "Ticket: OPS-7",
        "For: 60 min",
        "approver: sentinel approve 00000000000000aa",
        "https://console.example.com/request/00000000000000aa",
    ):
        assert part in everything


def test_an_emergency_and_a_drill_are_told_apart() -> None:
    assert shown(opened())["text"].startswith("EMERGENCY ACCESS opened")
    assert shown(opened(drill=True))["text"].startswith("DRILL: ")


def test_a_test_has_no_fields() -> None:
    event = Event(type=EventType.TEST, at=NOON, by="alice", about=None)
    assert shown(event)["text"] == "test notification, sent by alice"


@pytest.mark.parametrize(
    ("typed", "as_shown"),
    [
        ("<!channel> come", "&lt;!channel&gt; come"),
        ("<https://evil.example.com|ours>", "&lt;https://evil.example.com|ours&gt;"),
        ("a & b", "a &amp; b"),
        ("one\nStatus: approved", "one Status: approved"),
        ("two\u2028Status: approved", "two Status: approved"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\x00\x1b[31mb", "a[31mb"),
    ],
)
def test_what_somebody_typed_is_only_text(typed: str, as_shown: str) -> None:
    assert f"Why: {as_shown}" in texts(shown(asked(justification=typed)))


@given(st.text(max_size=400), st.text(max_size=100))
def test_nothing_typed_is_formatted_and_no_limit_of_slack_is_passed(why: str, profile: str) -> None:
    posted = shown(asked(justification=why, profile=profile))
    assert kinds(posted) == {"section", "context", "plain_text"}
    for text in texts(posted):
        assert len(text) <= 2000
        assert "<" not in text
        assert ">" not in text
    assert all(len(block.get("fields", ())) <= 10 for block in posted["blocks"])
