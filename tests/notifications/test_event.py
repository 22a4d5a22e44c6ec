"""The shape of what is told: versioned, lower-case, whole seconds, and nothing that receivers must guess."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.breakglass.model import Review
from sentinel_server.canonical import canonical
from sentinel_server.notifications.event import TEXT_LIMIT, Event, EventType, to_fields
from sentinel_server.notifications.message import BODY_LIMIT, Message, headline, read_message
from sentinel_server.requests.model import Vote
from tests.fakes.clock import NOON
from tests.fakes.notices import asked, opened

EVERY = [
    opened(type_) if type_.value.startswith("breakglass") else asked(type_)
    for type_ in EventType
    if type_ is not EventType.TEST
]
TEST = Event(type=EventType.TEST, at=NOON, by="alice", about=None)
every = pytest.mark.parametrize("event", [*EVERY, TEST], ids=lambda event: event.type.value)


def message(event: Event, link_base: str = "") -> Message:
    """The event as it is sent."""
    return read_message(canonical(to_fields(event)).decode(), "d" * 16, link_base)


def values(told: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every value below, with the path of names to it."""
    if isinstance(told, dict):
        return [pair for name, value in told.items() for pair in values(value, f"{path}.{name}")]
    if isinstance(told, list):
        return [pair for value in told for pair in values(value, path)]
    return [(path, told)]


@every
def test_31_the_shape_is_lower_case_versioned_and_in_whole_seconds_of_utc(event: Event) -> None:
    told = json.loads(message(event).payload)
    assert (told["v"], told["type"], told["at"]) == (1, event.type.value, "2026-01-31T12:00:00Z")
    for path, value in values(told):
        assert re.fullmatch(r"[a-z0-9_.]+", path)
        assert isinstance(value, str | int), path
        if path.endswith(("_at", ".at")):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(value))


@every
def test_31_an_event_comes_with_what_to_do_next(event: Event) -> None:
    told = json.loads(message(event).payload)
    if event.type is EventType.TEST:
        assert told["next"] == []
    for step in told["next"]:
        assert shlex.split(step["command"])[0] == "sentinel"
    assert (event.type is EventType.TEST) == (not told["next"])


def test_31_a_duration_is_in_seconds_and_says_so() -> None:
    told = json.loads(message(asked()).payload)["request"]
    assert told["duration_seconds"] == 3600
    assert "duration" not in told


def test_31_links_are_there_when_there_is_somewhere_to_point() -> None:
    assert json.loads(message(asked()).payload)["links"] == {}
    linked = json.loads(message(asked(), "https://console.example.com/s/").payload)["links"]
    assert linked == {"self": "https://console.example.com/s/request/00000000000000aa"}


def test_what_an_approved_request_is_told_as() -> None:
    vote = Vote(person="iam:111122223333:bob", principal_arn="arn", at=NOON, subject_sha256="0")
    event = asked(EventType.REQUEST_GRANTED, votes=(vote,), approved_at=NOON)
    told = json.loads(message(event).payload)["request"]
    assert (told["status"], told["approvals"]) == ("approved", 1)
    assert told["ends_at"] == "2026-01-31T13:00:00Z"


def test_what_a_reviewed_emergency_is_told_as() -> None:
    review = Review(at=NOON, by="bob", justified=False, comment="no incident")
    told = json.loads(message(opened(EventType.BREAKGLASS_REVIEWED, review=review)).payload)
    assert told["breakglass"]["justified"] is False
    assert "mfa_method" not in told["breakglass"]


def test_a_drill_is_told_as_one() -> None:
    drill = message(opened(drill=True))
    assert json.loads(drill.payload)["drill"] is True
    assert headline(drill).startswith("DRILL: EMERGENCY ACCESS opened: prod for alice")
    assert not headline(message(opened())).startswith("DRILL")


@every
def test_every_event_has_a_line_for_people(event: Event) -> None:
    assert len(headline(message(event))) > 10


def test_the_same_bytes_are_sent_at_every_attempt() -> None:
    assert message(asked()).payload == message(asked()).payload


def test_a_long_text_is_cut_and_says_so() -> None:
    told = json.loads(message(asked(justification="x" * 3000)).payload)["request"]["justification"]
    assert len(told) == TEXT_LIMIT
    assert told.endswith("…")


def test_a_command_quotes_what_it_was_given() -> None:
    told = json.loads(message(asked(EventType.REQUEST_GRANTED, profile="p; rm -rf ~")).payload)
    command = told["next"][0]["command"]
    assert shlex.split(command)[4] == "p; rm -rf ~"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"v":2,"type":"request.created","request":{}}',
        '{"v":1,"type":"request.made","request":{}}',
        '{"v":1,"type":"request.created"}',
        '{"v":1,"type":"request.created","request":"x"}',
        '{"v":1,"type":"request.created","request":{"n":1.5}}',
        '{"v":1,"type":"request.created","request":{"n":NaN}}',
        '{"v":1,"type":"sentinel.test","x":"' + "y" * BODY_LIMIT + '"}',
        "[" * 60_000,
    ],
    ids=lambda body: body[:50],
)
def test_a_stored_text_that_is_none_of_ours_is_not_sent(body: str) -> None:
    with pytest.raises(ValueError, match=r"event|Expecting|EventType|nested"):
        read_message(body, "d" * 16)


@given(st.text(max_size=300))
def test_no_stored_text_breaks_the_reader(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # whatever it says
        read_message(body, "d" * 16)


@given(st.text(max_size=60), st.text(max_size=60), st.integers(1, 10**6))
def test_whatever_is_told_can_be_read_again(profile: str, why: str, seconds: int) -> None:
    event = asked(profile=profile, justification=why, duration=timedelta(seconds=seconds))
    told = json.loads(message(event).payload.decode("ascii"))
    assert told["request"]["duration_seconds"] == seconds
