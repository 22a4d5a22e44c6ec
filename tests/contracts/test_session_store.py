"""What every session store promises. Each defect of the older product has a test that would have seen it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from sentinel_server.errors import AlreadyExists, BadInput, InvalidIdentifier, NotFound
from sentinel_server.sessions.model import (
    Block,
    BlockKey,
    Scope,
    Session,
    Standing,
    State,
    block_keys,
)
from sentinel_server.sessions.store import Beat, SessionQuery, SessionStore
from tests.fakes.session_stores import EVERY_STORE, open_store
from tests.fakes.sessions import MINUTE, NOON, a_block, a_revocation, a_session

EVERYTHING = SessionQuery()
EVERYONE = BlockKey(scope=Scope.EVERYONE)
ALICE = BlockKey(scope=Scope.PERSON, name="iam:111122223333:alice")
PROD = BlockKey(scope=Scope.PROFILE, name="prod")


@pytest.fixture(params=EVERY_STORE)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionStore]:
    async with open_store(request.param, tmp_path) as opened:
        yield opened


def a_beat(session: Session, at: datetime, **changes: object) -> Beat:
    beat = Beat(
        session_id=session.id,
        server_instance_id=session.server_instance_id,
        at=at,
        not_before=at - timedelta(minutes=10),
        not_after=at,
        last_access_at=at,
        request_count=7,
    )
    return replace(beat, **changes)  # type: ignore[arg-type]


async def row(store: SessionStore, session_id: str) -> Session:
    found = (await store.standing(session_id, ())).session
    assert found is not None
    return found


async def test_a_session_comes_back_as_it_was_created(store: SessionStore) -> None:
    session = a_session(
        user="Ünïcode 😀 'quoted' \"twice\"",
        credentials_until=NOON + timedelta(microseconds=1),
        request_count=3,
        lease_seconds=None,
        role_arn=None,
    )
    await store.create(session)
    assert await row(store, session.id) == session


async def test_creating_never_overwrites(store: SessionStore) -> None:
    await store.create(a_session())
    await store.revoke(a_session().id, a_revocation())
    with pytest.raises(AlreadyExists):
        await store.create(a_session(user="mallory"))
    assert (await row(store, a_session().id)).revocation == a_revocation()


@pytest.mark.parametrize("field", ["person", "user", "profile", "server_instance_id"])
async def test_an_empty_index_key_is_refused_by_every_store(store: SessionStore, field: str) -> None:
    with pytest.raises(BadInput, match=field):
        await store.create(a_session(1, **{field: ""}))


async def test_a_session_cannot_be_created_ended_revoked_or_with_a_bad_id(store: SessionStore) -> None:
    with pytest.raises(BadInput):
        await store.create(a_session(ended_at=NOON))
    with pytest.raises(BadInput):
        await store.create(a_session(revocation=a_revocation()))
    with pytest.raises(InvalidIdentifier):
        await store.create(a_session(id="block#everyone#"))


async def test_what_is_not_there_is_none_and_not_an_error(store: SessionStore) -> None:
    assert await store.standing("0" * 16, block_keys("iam:1:bob", "dev")) == Standing(session=None)
    assert await store.standing(None, ()) == Standing(session=None)


async def test_standing_reads_the_row_and_exactly_the_blocks_asked_for(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    for key in (PROD, EVERYONE, BlockKey(scope=Scope.PROFILE, name="dev")):
        await store.block(a_block(key))
    standing = await store.standing(session.id, (*block_keys(session.person, "prod"), PROD))
    assert standing == Standing(session=session, blocks=(a_block(EVERYONE), a_block(PROD)))
    assert await store.standing(None, (PROD,)) == Standing(session=None, blocks=(a_block(PROD),))


async def test_a_beat_records_totals_and_changes_nothing_else(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    later = NOON + MINUTE
    assert await store.beat(a_beat(session, later, credentials_until=NOON + 30 * MINUTE))
    beaten = replace(
        session,
        heartbeat_at=later,
        last_access_at=later,
        request_count=7,
        credentials_until=NOON + 30 * MINUTE,
    )
    assert await row(store, session.id) == beaten
    assert await store.beat(a_beat(session, later))
    assert await row(store, session.id) == beaten, "a beat without an expiry keeps the one that is known"


async def test_w19_a_beat_on_a_missing_foreign_silent_ended_or_revoked_session_writes_nothing(
    store: SessionStore,
) -> None:
    foreign, silent, ended, revoked = (a_session(number) for number in range(1, 5))
    for session in (foreign, silent, ended, revoked):
        await store.create(session)
    await store.end(ended.id, NOON + MINUTE)
    await store.revoke(revoked.id, a_revocation())
    before = [await row(store, s.id) for s in (foreign, silent, ended, revoked)]
    later = NOON + 2 * MINUTE
    assert not await store.beat(a_beat(a_session(9), later))
    assert not await store.beat(a_beat(foreign, later, server_instance_id="00000000000000bb"))
    assert not await store.beat(a_beat(silent, NOON + timedelta(hours=1)))
    assert not await store.beat(a_beat(ended, later))
    assert not await store.beat(a_beat(revoked, later))
    assert [await row(store, s.id) for s in (foreign, silent, ended, revoked)] == before


async def test_a_beat_counts_up_to_exactly_the_silence_allowed(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    later = NOON + timedelta(hours=1)
    just_too_late = session.heartbeat_at + timedelta(microseconds=1)
    assert not await store.beat(a_beat(session, later, not_before=just_too_late))
    assert await store.beat(a_beat(session, later, not_before=session.heartbeat_at))


async def test_a_beat_that_was_held_up_puts_no_older_time_in_the_place_of_a_later_one(
    store: SessionStore,
) -> None:
    session = a_session()
    await store.create(session)
    held_up, later = a_beat(session, NOON + MINUTE), a_beat(session, NOON + 2 * MINUTE, request_count=9)
    assert await store.beat(later)
    before = await row(store, session.id)
    assert not await store.beat(held_up)
    assert await row(store, session.id) == before
    assert await store.beat(later), "at the same time is not before it"


async def test_a_beat_held_up_while_a_laptop_slept_does_not_undo_its_revival(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    woken = NOON + timedelta(hours=2)
    assert await store.revive(session.id, session.server_instance_id, session.heartbeat_at, woken)
    assert not await store.beat(a_beat(session, NOON + MINUTE))
    assert (await row(store, session.id)).heartbeat_at == woken


async def test_who_knows_of_a_sign_of_life_from_a_clock_that_was_ahead_can_set_it_back(
    store: SessionStore,
) -> None:
    session = a_session()
    await store.create(session)
    ahead = NOON + timedelta(hours=1)
    assert await store.beat(a_beat(session, ahead, not_before=NOON))
    right = a_beat(session, NOON + MINUTE, not_after=ahead, override_id="00000000000000e2")
    assert not await store.beat(replace(right, not_after=ahead - timedelta(microseconds=1)))
    assert await store.beat(right)
    seen = await row(store, session.id)
    assert (seen.heartbeat_at, seen.override_id) == (NOON + MINUTE, "00000000000000e2")


async def test_only_the_same_instance_revives_and_only_what_it_has_seen(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    later, instance = NOON + timedelta(hours=2), session.server_instance_id
    assert not await store.revive(session.id, "00000000000000bb", session.heartbeat_at, later)
    assert not await store.revive(session.id, instance, NOON, later)
    assert not await store.revive("f" * 16, instance, session.heartbeat_at, later)
    assert await store.revive(session.id, instance, session.heartbeat_at, later)
    assert await row(store, session.id) == replace(session, heartbeat_at=later)
    assert not await store.revive(session.id, instance, session.heartbeat_at, later), "seen no more"


async def test_a_revoked_or_ended_session_is_never_revived(store: SessionStore) -> None:
    revoked, ended = a_session(1), a_session(2)
    for session in (revoked, ended):
        await store.create(session)
    await store.revoke(revoked.id, a_revocation())
    await store.end(ended.id, NOON)
    for session in (revoked, ended):
        later = NOON + timedelta(hours=1)
        instance = session.server_instance_id
        assert not await store.revive(session.id, instance, session.heartbeat_at, later)


async def test_an_owner_ends_a_session_once(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    assert not await store.end("f" * 16, NOON)
    assert await store.end(session.id, NOON + MINUTE)
    assert not await store.end(session.id, NOON + 2 * MINUTE)
    assert await row(store, session.id) == replace(session, ended_at=NOON + MINUTE)


async def test_w14_revoking_works_and_is_seen_by_the_next_read(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    revoked = await store.revoke(session.id, a_revocation())
    assert revoked == replace(session, revocation=a_revocation())
    assert await row(store, session.id) == revoked
    assert revoked.state(NOON) is State.REVOKED


async def test_the_first_revocation_stays(store: SessionStore) -> None:
    await store.create(a_session())
    await store.revoke(a_session().id, a_revocation("first"))
    second = await store.revoke(a_session().id, a_revocation("second"))
    assert second.revocation == a_revocation("first")


async def test_revoking_works_in_every_state_and_outlasts_an_end(store: SessionStore) -> None:
    session = a_session(expires_at=NOON)
    await store.create(session)
    await store.end(session.id, NOON)
    revoked = await store.revoke(session.id, a_revocation())
    assert (revoked.ended_at, revoked.revocation) == (NOON, a_revocation())
    assert not await store.end(session.id, NOON + MINUTE)


async def test_revoking_what_is_not_there_says_so_and_writes_nothing(store: SessionStore) -> None:
    with pytest.raises(NotFound):
        await store.revoke("f" * 16, a_revocation())
    assert (await store.standing("f" * 16, ())).session is None


async def test_w15_a_revoked_row_is_still_there_and_still_revoked_400_days_on(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    await store.revoke(session.id, a_revocation())
    long_after = NOON + timedelta(days=400)
    page = await store.sessions(SessionQuery(state=State.REVOKED), long_after, 10)
    assert [found.id for found in page.sessions] == [session.id]
    assert (await row(store, session.id)).state(long_after) is State.REVOKED


async def test_w16_every_read_sees_the_write_before_it(store: SessionStore) -> None:
    session = a_session()
    await store.create(session)
    for number in range(20):
        at = NOON + timedelta(seconds=30 + number)
        assert await store.beat(a_beat(session, at, request_count=number))
        assert (await row(store, session.id)).request_count == number
    await store.block(a_block(EVERYONE))
    assert (await store.standing(session.id, (EVERYONE,))).blocks == (a_block(EVERYONE),)


async def test_w20_a_listing_is_newest_first_whatever_the_zone_and_the_microseconds(
    store: SessionStore,
) -> None:
    """`10:00:00.5` sorts after `10:00:00.123456`, and `14:00+02:00` is noon."""
    east = timezone(timedelta(hours=2))
    times = [
        datetime(2026, 3, 1, 10, 0, 0, 500000, tzinfo=UTC),
        datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC),
        datetime(2026, 3, 1, 10, 0, 0, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 0, 1, tzinfo=east),
    ]
    for number, at in enumerate(times, 1):
        await store.create(a_session(number, started_at=at))
    page = await store.sessions(EVERYTHING, NOON, 10)
    assert [session.id[-1] for session in page.sessions] == ["4", "1", "2", "3"]
    since = await store.sessions(SessionQuery(since=times[1]), NOON, 10)
    assert [session.id[-1] for session in since.sessions] == ["4", "1", "2"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (EVERYTHING, "654321"),
        (SessionQuery(person="iam:111122223333:bob"), "64"),
        (SessionQuery(user="bob"), "64"),
        (SessionQuery(profile="dev"), "53"),
        (SessionQuery(profile="dev", user="alice", since=NOON + timedelta(seconds=4)), "5"),
        (SessionQuery(state=State.REVOKED), "2"),
        (SessionQuery(state=State.ENDED), "3"),
        (SessionQuery(state=State.EXPIRED), "4"),
        (SessionQuery(state=State.LAPSED), "5"),
        (SessionQuery(state=State.ACTIVE), "61"),
        (SessionQuery(state=State.ACTIVE, user="alice"), "1"),
        (SessionQuery(user="nobody"), ""),
    ],
)
async def test_a_listing_holds_exactly_what_matches(
    store: SessionStore, query: SessionQuery, numbers: str
) -> None:
    bob = {"person": "iam:111122223333:bob", "user": "bob"}
    for session in (
        a_session(1),
        a_session(2),
        a_session(3, profile="dev"),
        a_session(4, expires_at=NOON + MINUTE, **bob),
        a_session(5, profile="dev", heartbeat_at=NOON - timedelta(hours=1)),
        a_session(6, **bob),
    ):
        await store.create(session)
    await store.revoke(a_session(2).id, a_revocation())
    await store.end(a_session(3).id, NOON)
    page = await store.sessions(query, NOON + MINUTE, 10)
    assert "".join(session.id[-1] for session in page.sessions) == numbers
    assert page.next_token is None


@pytest.mark.parametrize("query", [EVERYTHING, SessionQuery(user="alice"), SessionQuery(state=State.ACTIVE)])
async def test_pages_are_full_and_hold_every_session_once(store: SessionStore, query: SessionQuery) -> None:
    for number in range(1, 8):
        await store.create(a_session(number, started_at=NOON + timedelta(seconds=number // 2)))
        await store.create(a_session(number + 100, user="bob", person="iam:1:bob", expires_at=NOON))
    seen: list[Session] = []
    token: str | None = None
    for full in (True, True, True, False):
        page = await store.sessions(query, NOON, 2, token)
        seen += page.sessions
        token = page.next_token
        if query != EVERYTHING:
            assert (len(page.sessions) == 2, token is not None) == (full, full)
    while token is not None:
        page = await store.sessions(query, NOON, 2, token)
        seen += page.sessions
        token = page.next_token
    starts = [session.started_at for session in seen]
    assert starts == sorted(starts, reverse=True)
    assert len({session.id for session in seen}) == len(seen) == (14 if query == EVERYTHING else 7)


async def test_a_token_of_another_query_is_refused(store: SessionStore) -> None:
    for number in (1, 2):
        await store.create(a_session(number))
    token = (await store.sessions(EVERYTHING, NOON, 1)).next_token
    assert token is not None
    for query, bad in ((SessionQuery(user="alice"), token), (EVERYTHING, "nonsense"), (EVERYTHING, "ÿ")):
        with pytest.raises(BadInput):
            await store.sessions(query, NOON, 1, bad)
    for limit in (0, 1001):
        with pytest.raises(BadInput):
            await store.sessions(EVERYTHING, NOON, limit)


async def test_a_block_replaces_the_one_under_its_key(store: SessionStore) -> None:
    await store.block(a_block(ALICE, until=NOON + MINUTE))
    await store.lift(ALICE, "security", NOON)
    await store.block(a_block(ALICE, reason="again", at=NOON + MINUTE))
    assert (await store.standing(None, (ALICE,))).blocks == (
        a_block(ALICE, reason="again", at=NOON + MINUTE),
    )


async def test_lifting_says_who_and_only_lifts_what_is_in_force(store: SessionStore) -> None:
    await store.block(a_block(PROD, until=NOON + MINUTE))
    for key, at in ((ALICE, NOON), (PROD, NOON + MINUTE)):
        with pytest.raises(NotFound):
            await store.lift(key, "bob", at)
    lifted = a_block(PROD, until=NOON + MINUTE, lifted_at=NOON, lifted_by="bob")
    assert await store.lift(PROD, "bob", NOON) == lifted
    assert (await store.standing(None, (PROD,))).blocks == (lifted,)
    with pytest.raises(NotFound):
        await store.lift(PROD, "bob", NOON)


async def test_all_blocks_are_listed_oldest_first_lifted_ones_too(store: SessionStore) -> None:
    blocks: list[Block] = []
    for minutes, key in enumerate((PROD, EVERYONE, ALICE)):
        blocks.append(a_block(key, at=NOON + minutes * MINUTE))
        await store.block(blocks[-1])
    blocks[1] = await store.lift(EVERYONE, "bob", NOON + 9 * MINUTE)
    assert await store.blocks() == tuple(blocks)


async def test_blocks_and_sessions_never_mix(store: SessionStore) -> None:
    await store.create(a_session())
    await store.block(a_block(EVERYONE))
    assert [s.id for s in (await store.sessions(EVERYTHING, NOON, 10)).sessions] == [a_session().id]
    assert await store.blocks() == (a_block(EVERYONE),)
