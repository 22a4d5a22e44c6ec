"""The page of notifications: what is sent is what it shows, and its code checks what is really sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.breakglass.model import MfaEvidence
from sentinel_server.canonical import canonical
from sentinel_server.notifications.event import Event, EventType, to_fields
from sentinel_server.notifications.message import read_message
from sentinel_server.notifications.signature import read_keys, signature
from sentinel_server.secret import Secret
from sentinel_server.settings.config_file import parse_config
from sentinel_server.settings.resolve import Directories, resolve
from tests.fakes.clock import NOON
from tests.fakes.notices import asked, opened
from tests.fakes.processes import REPOSITORY
from tests.fakes.verifying import verification

PAGE = (REPOSITORY / "docs" / "notifications.md").read_text(encoding="utf-8")
ID = "0123456789abcdef"
KEYS = ("k" * 40, "l" * 40)
BASE = "https://console.example.com/sentinel"
verified: Callable[..., Any] = verification()


def example(language: str, part: str) -> str:
    """The code block of a language that has these words."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (block,) = [block for block in blocks if part in block]
    return str(block)


def sent(event: Event, delivery: str = ID) -> bytes:
    """The body of a webhook."""
    return read_message(canonical(to_fields(event)).decode(), delivery, BASE).payload


def headers(body: bytes, *keys: str, late: timedelta = timedelta(0)) -> dict[str, str]:
    """What comes with it."""
    return {"X-Sentinel-Signature": signature([Secret(key) for key in keys], body, NOON + late)}


class Memory:
    """Remembers delivery ids, as a receiver's database does."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def first_time(self, delivery: str) -> bool:
        new = delivery not in self.seen
        self.seen.add(delivery)
        return new


def check(body: bytes, given: Mapping[str, str], *keys: str, memory: Memory | None = None) -> Any:
    """What the page's code makes of a message at noon."""
    remembers = (memory or Memory()).first_time
    return verified([key.encode() for key in keys], given, body, remembers, now=NOON.timestamp())


def test_the_request_on_the_page_is_what_is_sent() -> None:
    assert json.loads(example("json", '"request.created"')) == json.loads(sent(asked()))


def test_the_emergency_on_the_page_is_what_is_sent() -> None:
    event = opened(mfa=MfaEvidence(method="totp", verified_at=NOON))
    assert json.loads(example("json", '"breakglass.opened"')) == json.loads(sent(event))


def test_the_table_has_every_event_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z.]+\.[a-z]+)` \|", PAGE, re.MULTILINE)
    assert rows == [type_.value for type_ in _in_order()]


def _in_order() -> list[EventType]:
    """The types as the page has them: escalations follow openings."""
    order = list(EventType)
    order.remove(EventType.BREAKGLASS_ESCALATED)
    order.insert(order.index(EventType.BREAKGLASS_OPENED) + 1, EventType.BREAKGLASS_ESCALATED)
    return order


def test_the_destinations_on_the_page_are_settings() -> None:
    home = Directories(config=Path("/c"), state=Path("/s"))
    file = parse_config(example("yaml", "notifications:").encode(), Path("config.yaml"), home)
    settings = resolve({}, {}, file, home)
    assert [each.name for each in settings.notifications_to] == ["page", "chat", "siem"]
    assert settings.notifications_link_base == BASE


def test_the_handler_on_the_page_fails_aloud_when_something_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}
    exec(example("python", "def handler"), made)  # the page's code is what is tested
    monkeypatch.setenv("SENTINEL_NOTIFICATIONS_TO", "")
    with pytest.raises(RuntimeError, match="still to be delivered"):
        made["handler"]({}, None)


def test_30_the_code_on_the_page_takes_what_is_sent() -> None:
    body = sent(asked())
    event = check(body, headers(body, KEYS[0]), KEYS[0])
    assert (event["type"], event["request"]["profile"]) == ("request.created", "prod")


def test_30_the_code_refuses_a_body_that_was_changed() -> None:
    body = sent(asked())
    with pytest.raises(ValueError, match="changed on the way"):
        check(body.replace(b"prod", b"dev!"), headers(body, KEYS[0]), KEYS[0])


def test_30_the_code_refuses_another_key() -> None:
    body = sent(asked())
    with pytest.raises(ValueError, match="somebody else"):
        check(body, headers(body, KEYS[1]), KEYS[0])


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_30_the_code_refuses_what_was_signed_at_another_time(minutes: int) -> None:
    body = sent(asked())
    with pytest.raises(ValueError, match="too long ago"):
        check(body, headers(body, KEYS[0], late=timedelta(minutes=minutes)), KEYS[0])


def test_30_the_code_trusts_a_replayed_message_once() -> None:
    body, memory = sent(asked()), Memory()
    given = headers(body, KEYS[0])
    assert check(body, given, KEYS[0], memory=memory) is not None
    assert check(body, given, KEYS[0], memory=memory) is None
    again = headers(body, KEYS[0], late=timedelta(minutes=4))  # another attempt, signed anew
    assert check(body, again, KEYS[0], memory=memory) is None


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=00", "t=,v1=00", "t=²,v1=00", "t=-5,v1=00", "t=1,t=2,v1=00", "v1", "t=x,v1=", "é=é"],
)
def test_30_the_code_refuses_what_is_no_signature(header: str) -> None:
    with pytest.raises(ValueError, match=r"not signed|too long ago"):
        check(sent(asked()), {"X-Sentinel-Signature": header}, KEYS[0])


def test_30_the_code_refuses_what_has_no_signature_at_all() -> None:
    with pytest.raises(ValueError, match="not signed"):
        check(sent(asked()), {}, KEYS[0])


@given(st.text(max_size=80))
def test_30_no_header_passes_for_a_signature(text: str) -> None:
    with pytest.raises(ValueError, match="signed"):
        check(sent(asked()), {"X-Sentinel-Signature": f"t={int(NOON.timestamp())},v1={text}"}, KEYS[0])


def test_a_key_is_replaced_without_a_gap() -> None:
    body = sent(asked())
    both = headers(body, *KEYS)
    assert all(check(body, both, key) is not None for key in KEYS)
    assert check(body, headers(body, KEYS[1]), *KEYS) is not None


def test_keys_are_read_one_a_line() -> None:
    keys = read_keys(Secret(f"{KEYS[0]}\n\n  {KEYS[1]}\n"))
    assert [key.reveal() for key in keys] == list(KEYS)


@pytest.mark.parametrize(("text", "why"), [("", "no signing key"), ("\n \n", "no signing"), ("short", "32")])
def test_what_is_no_key_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_keys(Secret(text))


def test_the_delivery_id_is_part_of_what_is_signed() -> None:
    one = sent(asked())
    other = sent(replace(asked()), delivery="f" * 16)
    with pytest.raises(ValueError, match="changed on the way"):
        check(other, headers(one, KEYS[0]), KEYS[0])
