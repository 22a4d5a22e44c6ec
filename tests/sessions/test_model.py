"""What a session is at an instant, what a block covers, and how a page goes on."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import BadInput, InvalidIdentifier
from sentinel_server.sessions.listing import Position, read_token, write_token
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import (
    LAPSE_AFTER,
    BlockKey,
    Scope,
    Session,
    State,
    block_keys,
    parse_session_id,
)
from sentinel_server.sessions.store import SessionQuery
from tests.fakes.sessions import MINUTE, NOON, a_block, a_revocation, a_session

INSTANTS = st.integers(-100, 100).map(lambda minutes: NOON + minutes * MINUTE)
MAYBE = st.none() | INSTANTS
SESSIONS = st.builds(
    a_session,
    started_at=INSTANTS,
    heartbeat_at=INSTANTS,
    expires_at=INSTANTS,
    ended_at=MAYBE,
    revocation=st.none() | st.just(a_revocation()),
)
QUERIES = st.builds(
    SessionQuery,
    person=st.none() | st.just("p"),
    user=st.none() | st.just("u"),
    state=st.none() | st.sampled_from(State),
    since=MAYBE,
)


@given(SESSIONS, INSTANTS)
def test_a_session_is_active_only_when_nothing_at_all_speaks_against_it(
    session: Session, now: datetime
) -> None:
    fine = (
        session.revocation is None
        and session.ended_at is None
        and now < session.expires_at
        and now - session.heartbeat_at <= LAPSE_AFTER
    )
    assert (session.state(now) is State.ACTIVE) == fine


@given(SESSIONS, INSTANTS, st.integers(0, 1000))
def test_time_alone_never_brings_a_session_back(session: Session, now: datetime, minutes: int) -> None:
    if session.state(now) is not State.ACTIVE:
        assert session.state(now + minutes * MINUTE) is not State.ACTIVE


def test_the_gravest_state_is_the_one_that_is_told() -> None:
    session = a_session(revocation=a_revocation(), ended_at=NOON, expires_at=NOON)
    assert session.state(NOON + timedelta(days=1)) is State.REVOKED


@pytest.mark.parametrize(("scope", "name"), [(Scope.EVERYONE, "x"), (Scope.PERSON, ""), (Scope.PROFILE, "")])
def test_everyone_has_no_name_and_every_other_block_has_one(scope: Scope, name: str) -> None:
    with pytest.raises(BadInput):
        BlockKey(scope=scope, name=name)


def test_a_person_and_a_profile_are_touched_by_three_blocks() -> None:
    assert [str(key) for key in block_keys("iam:1:ann", "prod")] == [
        "everyone",
        "person:iam:1:ann",
        "profile:prod",
    ]


def test_a_block_holds_up_to_its_end_or_until_it_is_lifted() -> None:
    key = BlockKey(scope=Scope.EVERYONE)
    assert a_block(key).holds(NOON + timedelta(days=9999))
    assert [a_block(key, until=NOON).holds(NOON + s * timedelta(seconds=1)) for s in (-1, 0)] == [True, False]
    assert not a_block(key, lifted_at=NOON).holds(NOON - MINUTE)


@pytest.mark.parametrize("text", ["", "0" * 15, "0" * 17, "0" * 15 + "A", "0" * 16 + "\n", "\uff10" * 16])
def test_an_id_is_16_lower_case_hex_digits(text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        parse_session_id(text)
    assert parse_session_id("0123456789abcdef") == "0123456789abcdef"


@given(SESSIONS, QUERIES, QUERIES)
def test_a_token_leads_to_the_next_page_of_its_own_query_only(
    last: Session, query: SessionQuery, other: SessionQuery
) -> None:
    token = write_token(query, last)
    assert read_token(query, token) == Position(started_at=last.started_at, id=last.id)
    if other != query:
        with pytest.raises(BadInput, match="another query"):
            read_token(other, token)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")))
def test_no_other_text_is_a_token(text: str) -> None:
    with pytest.raises(BadInput):
        read_token(SessionQuery(), text)


def test_the_store_in_memory_is_nobody_elses() -> None:
    assert not MemorySessions().ref.shared
