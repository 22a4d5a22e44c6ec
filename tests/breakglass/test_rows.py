"""An emergency survives its row, and a row that is not one in full is an error."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.breakglass.model import ID_DIGITS, INVOKED, Closing, Emergency, Review
from sentinel_server.breakglass.rows import (
    CLOSED,
    CUT,
    ENDED,
    closed,
    event_ref,
    expired,
    of_person,
    opened,
    parse_event_id,
    person_profile,
    read_event,
    reviewed,
)
from sentinel_server.errors import InvalidIdentifier, StoreUnavailable
from sentinel_server.records.model import Row, Value
from tests.fakes.clock import NOON
from tests.fakes.emergencies import an_event, evidence

CLOSING = Closing(at=NOON, by="iam:111122223333:bob", reason="all is well")
REVIEW = Review(at=NOON, by="iam:111122223333:bob", justified=False, comment="a restart would have done")


def row_of(event: Emergency, *more: dict[str, Any]) -> Row:
    """The event as a store has it, after more changes."""
    values: dict[str, Any] = opened(event)
    for change in more:
        values.update(change)
    kept = {name: value for name, value in values.items() if value is not None}
    return Row(ref=event_ref(event.id), version=1, values=kept)


@given(
    drill=st.booleans(),
    escalated=st.booleans(),
    mfa=st.sampled_from([None, evidence()]),
    ticket=st.sampled_from(["", "OPS-7"]),
    seconds=st.integers(1, 4 * 3600),
    closing=st.sampled_from([None, CLOSING]),
    review=st.sampled_from([None, REVIEW]),
)
def test_what_is_written_is_what_is_read(closing: Any, review: Any, seconds: int, **fields: Any) -> None:
    event = an_event(duration=timedelta(seconds=seconds), closing=closing, review=review, **fields)
    later = [closed(closing, CLOSED)] if closing else []
    later += [reviewed(review)] if review else []
    assert read_event(row_of(event, *later)) == event


def test_what_the_invoker_says_is_written_under_the_names_that_permissions_use() -> None:
    event = an_event(ticket="OPS-7", drill=True, escalated=True, mfa=evidence())
    assert set(INVOKED) - {"id"} <= opened(event).keys()
    for later in (closed(CLOSING, CLOSED), reviewed(REVIEW), expired()):
        assert not later.keys() & set(INVOKED)


CHANGED: dict[str, Value | None] = {
    "created_at": "2026-01-31T12:00:01.000000Z",
    "duration_seconds": 3601,
    "profile": "prod-2",
    "person": "sso:alice",
    "user": "bob",
    "principal_arn": "arn:aws:iam::111122223333:user/bob",
    "reason_code": "maintenance",
    "justification": "the payment service is down for everyone!",
    "ticket": "OPS-8",
    "rule": "other",
    "drill": 1,
    "escalated": 1,
    "mfa_method": "sms",
    "mfa_verified_at": "2026-01-31T11:59:59.000000Z",
    "mfa_challenge_id": "x",
    "salt": None,
}


@pytest.mark.parametrize("name", CHANGED)
def test_whatever_is_changed_of_what_the_invoker_said_shows(name: str) -> None:
    event = an_event(ticket="OPS-7", mfa=evidence())
    assert read_event(row_of(event, closed(CLOSING, CUT), reviewed(REVIEW))).intact
    assert not read_event(row_of(event, {name: CHANGED[name]})).intact


def test_every_attribute_that_an_invoker_writes_once_is_part_of_its_id() -> None:
    assert CHANGED.keys() == set(INVOKED) - {"id"}


@pytest.mark.parametrize(
    "spoiled",
    [
        {"kind": "lock"},
        {"person": None},
        {"person": ""},
        {"profile": 7},
        {"reason_code": "boredom"},
        {"created_at": "yesterday"},
        {"created_at": "9999-12-31T23:59:59.000000Z"},
        {"duration_seconds": "3600"},
        {"duration_seconds": 0},
        {"duration_seconds": 10**18},
        {"closed_at": "2026-01-31T12:00:00.000000Z"},
        {"reviewed_at": "2026-01-31T12:00:00.000000Z"},
        {"mfa_method": "totp"},
    ],
    ids=str,
)
def test_a_row_that_is_not_an_emergency_in_full_is_an_error(spoiled: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable, match="is not an emergency in full"):
        read_event(row_of(an_event(), spoiled))


def test_a_row_under_a_key_that_is_no_id_is_an_error() -> None:
    row = row_of(an_event(id="active#alice"))
    with pytest.raises(StoreUnavailable):
        read_event(row)


def test_the_search_for_a_persons_emergencies_is_for_what_opening_writes() -> None:
    event = an_event()
    search = of_person(event.person, event.profile)
    assert (search.value, search.newest_first) == (opened(event)[search.by], True)


@given(st.tuples(st.text("a#%23", max_size=4), st.text("a#%23", max_size=4)), st.data())
def test_no_two_pairs_of_person_and_profile_share_a_key(pair: tuple[str, str], data: st.DataObject) -> None:
    other = data.draw(st.tuples(st.text("a#%23", max_size=4), st.text("a#%23", max_size=4)))
    assert (person_profile(*pair) == person_profile(*other)) is (pair == other)


@pytest.mark.parametrize("text", ["", "e1" * 15 + "E1", "e1" * 16 + "\n", "active#a", "active#" + "e" * 25])
def test_an_id_is_32_lower_case_hex_digits(text: str) -> None:
    with pytest.raises(InvalidIdentifier, match=r"is not the id of an emergency \(32 "):
        parse_event_id(text)
    assert parse_event_id("e1" * 16) == "e1" * 16


@given(st.integers(0, 64).filter(lambda digits: digits != ID_DIGITS))
def test_an_emergency_under_a_part_of_its_id_or_under_more_is_none(digits: int) -> None:
    event = an_event()
    row = row_of(replace(event, id=(event.id * 2)[:digits]))
    with pytest.raises(StoreUnavailable, match="its key is no id"):
        read_event(row)


@given(st.integers(0, ID_DIGITS - 1), st.sampled_from("0123456789abcdef"))
def test_one_other_digit_anywhere_in_the_id_shows(place: int, digit: str) -> None:
    event = an_event()
    other = event.id[:place] + digit + event.id[place + 1 :]
    assert read_event(row_of(replace(event, id=other))).intact is (other == event.id)


@pytest.mark.parametrize("left", ["cut_at", "cut_by", "closed_by", "ended_at", "ended_reason"])
def test_what_is_left_of_a_closing_does_not_open_it_again(left: str) -> None:
    row = row_of(an_event(), {left: "2026-01-31T12:30:00.000000Z"})
    with pytest.raises(StoreUnavailable, match="not an emergency in full"):
        read_event(row)


def test_everybody_ends_it_without_a_word_of_the_others() -> None:
    closing = Closing(at=NOON, by="iam:1:alice", reason="over")
    words = [closed(closing, how) for how in (CUT, CLOSED, ENDED)]
    assert set.union(*(set(one) & set(two) for one, two in combinations(words, 2))) == {"status"}
    for values in words:
        assert read_event(row_of(an_event(), values)).closing == closing


def test_the_word_of_security_stands_before_that_of_others() -> None:
    ours, theirs = Closing(at=NOON, by="sec", reason="no"), Closing(at=NOON, by="bob", reason="over")
    values = {**closed(theirs, ENDED), **closed(theirs, CLOSED), **closed(ours, CUT)}
    assert read_event(row_of(an_event(), values)).closing == ours
