"""Lines, keys and the form of what is written."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.auditlog.chain import FILE_NAME, Chain, SealKey, file_name, key_file_of, parse_key
from sentinel_server.auditlog.event import TEXT_LIMIT, Action, AuditEvent, to_fields
from sentinel_server.auditlog.lines import parse, parse_line
from sentinel_server.canonical import canonical, sha256_hex
from sentinel_server.secret import Secret
from tests.fakes.auditlogs import KEY, START, a_log, an_event

any_text = st.text(st.characters(), max_size=50)
events = st.builds(
    AuditEvent,
    action=st.sampled_from(Action),
    at=st.datetimes(timezones=st.just(UTC)),
    person=any_text,
    reason=any_text,
    rule=st.none() | any_text,
    count=st.none() | st.integers(0, 10**6),
)


@given(events)
def test_an_event_is_one_line_in_the_one_byte_form(event: AuditEvent) -> None:
    line, chain = Chain(writer="a" * 16).event(to_fields(event))
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.isascii()
    assert canonical(json.loads(line)) + b"\n" == line
    assert chain.head == sha256_hex(line[:-1])


@given(events)
def test_a_line_says_what_the_event_says(event: AuditEvent) -> None:
    line, _ = Chain(writer="a" * 16).event(to_fields(event))
    parsed = parse_line(1, line[:-1])
    assert parsed is not None
    assert parsed.action == event.action.value
    assert {name: parsed.fields[name] for name in to_fields(event)} == to_fields(event)
    assert parsed.fields.get("count") == event.count


def test_empty_fields_are_left_out() -> None:
    assert to_fields(AuditEvent(action=Action.INTENT, at=START, person="")) == {
        "action": "intent",
        "at": "2026-03-01T09:00:00.000000Z",
    }


def test_a_zero_is_not_empty() -> None:
    assert to_fields(an_event(0))["count"] == 0


def test_a_lone_surrogate_is_written_as_its_escape() -> None:
    assert to_fields(an_event(reason="a\ud800b"))["reason"] == "a\\ud800b"


def test_a_long_value_is_cut() -> None:
    reason = to_fields(an_event(reason="x" * 5000))["reason"]
    assert isinstance(reason, str)
    assert len(reason) == TEXT_LIMIT
    assert reason.endswith("x…")


def test_no_event_field_hides_a_field_of_the_chain() -> None:
    assert not {field.name for field in fields(AuditEvent)} & {
        "v",
        "seq",
        "writer",
        "prev",
        "key",
        "mac",
        "seen",
    }


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_fields(AuditEvent(action=Action.INTENT, at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_a_chain_that_was_not_written_can_be_continued_from_before() -> None:
    _, chain = Chain(writer="a" * 16).opened(START, (), KEY)
    assert chain.event({"action": "served"}) == chain.event({"action": "served"})
    assert chain.seq == 1


def test_names_of_files_sort_by_time() -> None:
    early = file_name(datetime(2026, 3, 1, 9, 0, 0, 5, tzinfo=UTC), "f" * 16)
    late = file_name(datetime(2026, 3, 1, 9, 0, 0, 40, tzinfo=UTC), "0" * 16)
    assert early == "20260301T090000000005Z-ffffffffffffffff.jsonl"
    assert early < late
    assert FILE_NAME.fullmatch(early)


def test_the_key_is_beside_the_directory_not_in_it() -> None:
    assert key_file_of(Path("/state/audit")) == Path("/state/audit.key")


def test_a_key_file_may_have_white_space() -> None:
    assert parse_key("  " + "0B" * 32 + "\r\n") == KEY


@pytest.mark.parametrize("text", ["", "0b" * 31, "0b" * 33, "zz" * 32, "0b" * 32 + " 0b"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an audit key"):
        parse_key(text)


def test_a_key_is_named_and_not_shown() -> None:
    assert KEY.secret.reveal() not in repr(KEY)
    assert len(KEY.id) == 16
    assert KEY.id not in KEY.secret.reveal()
    assert SealKey(Secret("1c" * 32)).id != KEY.id


def test_fields_that_no_seal_can_be_for_are_not_vouched_for() -> None:
    assert not KEY.vouches({"n": 1.5}, "0" * 64)  # type: ignore[dict-item]
    assert not KEY.vouches({"n": 1}, "\udc80")


@pytest.mark.parametrize("seq", [-1, True, "1", 1.0, 2**60, None])
def test_a_line_with_a_number_that_none_could_have_is_no_line(seq: object) -> None:
    line = json.loads(a_log().splitlines()[1])
    assert parse_line(1, json.dumps({**line, "seq": seq}).encode()) is None


@pytest.mark.parametrize("raw", [b"", b"[]", b"1", b"{}", b"[" * 100_000, b'{"v":1}', b"\xff", b"NaN"])
def test_what_is_no_line_is_not_taken_for_one(raw: bytes) -> None:
    assert parse_line(1, raw) is None


def test_heads_of_another_form_are_not_believed() -> None:
    opening = json.loads(a_log().splitlines()[0])
    good = {"file": file_name(START, "b" * 16), "seq": 4, "hash": "0" * 64}
    bad = [{**good, "file": "../../etc/passwd"}, {**good, "seq": -1}, {**good, "hash": "\x1b[2J"}, 7]
    opening["seen"] = [*bad, good]
    (line,) = parse(json.dumps(opening).encode() + b"\n").lines
    assert [head.file for head in line.seen()] == [good["file"]]
