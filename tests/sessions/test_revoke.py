"""Cutting off more than one: the block first, then everything live, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from sentinel_server.errors import InvalidIdentifier, NotFound, StoreUnavailable
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Session, State, block_keys
from sentinel_server.sessions.revoke import Failure, lift, revoke_matching, revoke_one
from sentinel_server.sessions.store import Page, SessionQuery
from tests.fakes.sessions import MINUTE, NOON, a_block, a_session

ALICE = BlockKey(scope=Scope.PERSON, name="iam:111122223333:alice")
PROD = BlockKey(scope=Scope.PROFILE, name="prod")
EVERYONE = BlockKey(scope=Scope.EVERYONE)
LATER = NOON + MINUTE


class FailingSessions(MemorySessions):
    """Fails where it is told to, and remembers in what order it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.bad_ids: set[str] = set()
        self.bad_block = self.bad_list = False
        self.unreadable: tuple[str, ...] = ()
        self.written: list[str] = []

    async def block(self, block: Block) -> None:
        self.written.append(str(block.key))
        if self.bad_block:
            raise StoreUnavailable("down")
        await super().block(block)

    async def revoke(self, session_id: str, revocation: Revocation) -> Session:
        self.written.append(session_id)
        if session_id in self.bad_ids:
            raise StoreUnavailable("down")
        return await super().revoke(session_id, revocation)

    async def sessions(
        self, query: SessionQuery, now: datetime, limit: int, token: str | None = None
    ) -> Page:
        page = await super().sessions(query, now, limit, token)
        if self.bad_list and token is not None:
            raise StoreUnavailable("down")
        return Page(sessions=page.sessions, next_token=page.next_token, unreadable=self.unreadable)


@pytest.fixture
def store() -> FailingSessions:
    return FailingSessions()


async def fill(store: MemorySessions, sessions: Sequence[Session]) -> None:
    for session in sessions:
        await store.create(session)


def ids(sessions: Sequence[Session]) -> set[str]:
    return {session.id for session in sessions}


async def test_one_is_revoked_by_name_and_the_second_learns_who_was_first(store: FailingSessions) -> None:
    await store.create(a_session())
    first = await revoke_one(store, a_session().id, "carol", "left the company", NOON)
    second = await revoke_one(store, a_session().id, "dave", "me too", LATER)
    assert (first.first, second.first) == (True, False)
    assert second.session.revocation == Revocation(at=NOON, by="carol", reason="left the company")


async def test_what_is_no_session_id_is_never_sent_to_the_store(store: FailingSessions) -> None:
    for text in ("", "block#everyone#", "0" * 15, "G" * 16):
        with pytest.raises(InvalidIdentifier):
            await revoke_one(store, text, "carol", "why", NOON)
    with pytest.raises(NotFound):
        await revoke_one(store, "0" * 16, "carol", "why", NOON)
    assert store.written == ["0" * 16]


async def test_the_block_is_written_before_anything_is_revoked(store: FailingSessions) -> None:
    await fill(store, [a_session(1), a_session(2)])
    await revoke_matching(store, ALICE, "carol", "why", LATER)
    assert store.written[0] == str(ALICE)
    assert set(store.written[1:]) == {a_session(1).id, a_session(2).id}


async def test_without_its_block_nothing_is_revoked(store: FailingSessions) -> None:
    await fill(store, [a_session(1)])
    store.bad_block = True
    with pytest.raises(StoreUnavailable):
        await revoke_matching(store, ALICE, "carol", "why", LATER)
    assert store.written == [str(ALICE)]


async def test_each_scope_covers_what_its_name_says(store: FailingSessions) -> None:
    bob = {"person": "iam:111122223333:bob", "user": "bob"}
    await fill(store, [a_session(1), a_session(2, profile="dev"), a_session(3, profile="dev", **bob)])
    by_person = await revoke_matching(store, ALICE, "carol", "why", LATER)
    assert ids(by_person.revoked) == {a_session(1).id, a_session(2).id}
    by_profile = await revoke_matching(
        store, BlockKey(scope=Scope.PROFILE, name="dev"), "carol", "why", LATER
    )
    assert (ids(by_profile.revoked), by_profile.failures) == ({a_session(3).id}, ())
    assert (await revoke_matching(store, EVERYONE, "carol", "why", LATER)).revoked == ()
    assert {block.key.scope for block in await store.blocks()} == set(Scope)


async def test_lapsed_sessions_are_revoked_too_and_ended_and_expired_ones_left(
    store: FailingSessions,
) -> None:
    lapsed = a_session(1, heartbeat_at=NOON - timedelta(hours=1))
    await fill(store, [lapsed, a_session(2, expires_at=NOON), a_session(3)])
    await store.end(a_session(3).id, NOON)
    report = await revoke_matching(store, PROD, "carol", "why", LATER)
    assert ids(report.revoked) == {lapsed.id}


async def test_many_pages_are_revoked_to_the_last(store: FailingSessions) -> None:
    await fill(store, [a_session(number) for number in range(1, 120)])
    report = await revoke_matching(store, EVERYONE, "carol", "why", LATER)
    assert len(report.revoked) == 119
    left = await store.sessions(SessionQuery(state=State.ACTIVE), LATER, 1)
    assert left.sessions == ()


async def test_a_failure_is_reported_and_stops_no_other_revocation(store: FailingSessions) -> None:
    await fill(store, [a_session(number) for number in range(1, 4)])
    store.bad_ids = {a_session(2).id}
    report = await revoke_matching(store, ALICE, "carol", "why", LATER)
    assert ids(report.revoked) == {a_session(1).id, a_session(3).id}
    assert [failure.session_id for failure in report.failures] == [a_session(2).id]


async def test_a_search_that_breaks_off_is_reported_with_what_was_revoked_before(
    store: FailingSessions,
) -> None:
    await fill(store, [a_session(number) for number in range(1, 60)])
    store.bad_list = True
    report = await revoke_matching(store, EVERYONE, "carol", "why", LATER)
    (failure,) = report.failures
    assert (failure.session_id, 0 < len(report.revoked) < 59) == ("", True)


async def test_a_row_that_cannot_be_read_is_revoked_all_the_same(store: FailingSessions) -> None:
    """Whoever holds a session can spoil its row, and must not escape by that."""
    spoilt = a_session(7, person="iam:1:mallory")
    await fill(store, [a_session(1), spoilt])
    store.unreadable = (spoilt.id, "not an id")
    report = await revoke_matching(store, ALICE, "carol", "why", LATER)
    assert ids(report.revoked) == {a_session(1).id, spoilt.id}
    assert [failure.session_id for failure in report.failures] == ["not an id"]
    assert all(isinstance(failure, Failure) for failure in report.failures)


async def test_somebody_elses_revocation_is_told_apart(store: FailingSessions) -> None:
    await fill(store, [a_session(1)])

    class Raced(FailingSessions):
        async def revoke(self, session_id: str, revocation: Revocation) -> Session:
            await super().revoke(session_id, Revocation(at=NOON, by="dave", reason="first"))
            return await super().revoke(session_id, revocation)

    raced = Raced()
    await fill(raced, [a_session(1)])
    report = await revoke_matching(raced, ALICE, "carol", "why", LATER)
    assert (ids(report.already), report.revoked) == ({a_session(1).id}, ())


@pytest.mark.parametrize(
    ("there", "asked", "kept"),
    [
        (None, NOON + 9 * MINUTE, None),
        (NOON + 9 * MINUTE, NOON + 5 * MINUTE, NOON + 9 * MINUTE),
        (NOON + 5 * MINUTE, NOON + 9 * MINUTE, NOON + 9 * MINUTE),
        (NOON + 5 * MINUTE, None, None),
        (NOON, NOON + 5 * MINUTE, NOON + 5 * MINUTE),
    ],
    ids=[
        "endless stays",
        "longer stays",
        "longer wins",
        "endless wins",
        "one that is over counts for nothing",
    ],
)
async def test_a_block_in_force_is_never_shortened(
    store: FailingSessions, there: datetime | None, asked: datetime | None, kept: datetime | None
) -> None:
    await store.block(a_block(ALICE, until=there))
    report = await revoke_matching(store, ALICE, "carol", "why", LATER, until=asked)
    assert report.block.until == kept
    assert (await store.standing(None, (ALICE,))).blocks == (report.block,)


async def test_lifting_a_block_leaves_what_was_revoked(store: FailingSessions) -> None:
    await fill(store, [a_session(1)])
    await revoke_matching(store, ALICE, "carol", "why", LATER)
    lifted = await lift(store, ALICE, "carol", LATER)
    assert not lifted.holds(LATER)
    standing = await store.standing(a_session(1).id, block_keys(ALICE.name, "prod"))
    assert standing.session is not None
    assert standing.session.state(LATER) is State.REVOKED
