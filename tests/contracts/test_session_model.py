"""Whatever is done to a store, in whatever order, it answers as the store in memory does."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sentinel_server.errors import SentinelError
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import BlockKey, Revocation, Scope, Session, State
from sentinel_server.sessions.store import Beat, Page, SessionQuery, SessionStore
from tests.fakes.session_stores import open_store
from tests.fakes.sessions import NOON, a_block, a_session

NUMBERS = st.integers(1, 4)
INSTANTS = st.integers(-3, 40).map(lambda minutes: NOON + timedelta(minutes=minutes, microseconds=minutes))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
PEOPLE = st.sampled_from(["iam:1:ann", "iam:1:ben"])
PROFILES = st.sampled_from(["prod", "dev"])
INSTANCES = st.sampled_from(["00000000000000aa", "00000000000000bb"])
KEYS = st.sampled_from(
    [
        BlockKey(scope=Scope.EVERYONE),
        BlockKey(scope=Scope.PERSON, name="iam:1:ann"),
        BlockKey(scope=Scope.PROFILE, name="prod"),
    ]
)
MAYBE = st.none() | INSTANTS
AHEAD = st.sampled_from([0, 0, 0, 40])


def said(page: Page) -> list[tuple[datetime, frozenset[str]]]:
    """The sessions of a page; those that began at one instant have no order among them."""
    starts = list(dict.fromkeys(session.started_at for session in page.sessions))
    return [(at, frozenset(s.id for s in page.sessions if s.started_at == at)) for at in starts]


class SameAsMemory(RuleBasedStateMachine):
    """Does everything twice, to the store and to the model, and compares what comes of it."""

    kind: ClassVar[str]

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.model = MemorySessions()
        directory = self.stack.enter_context(tempfile.TemporaryDirectory())
        opening = self.stack.enter_async_context(open_store(self.kind, Path(directory)))
        self.store = self.loop.run_until_complete(opening)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(self.stack.aclose())
            self.loop.close()

    def both(self, does: Callable[[SessionStore], Awaitable[Any]]) -> tuple[Any, Any]:
        async def outcome(store: SessionStore) -> Any:
            try:
                return await does(store)
            except SentinelError as error:
                return type(error)

        return self.loop.run_until_complete(outcome(self.store)), self.loop.run_until_complete(
            outcome(self.model)
        )

    def same(self, does: Callable[[SessionStore], Awaitable[Any]]) -> None:
        ours, models = self.both(does)
        assert ours == models

    @rule(number=NUMBERS, person=PEOPLE, user=TEXT, profile=PROFILES, at=INSTANTS, instance=INSTANCES)
    def create(self, number: int, person: str, user: str, profile: str, at: datetime, instance: str) -> None:
        session = a_session(
            number,
            person=person,
            user=user,
            profile=profile,
            started_at=at,
            heartbeat_at=at,
            expires_at=at + timedelta(minutes=20),
            server_instance_id=instance,
        )
        self.same(lambda store: store.create(session))

    @rule(number=NUMBERS, instance=INSTANCES, at=INSTANTS, back=st.integers(0, 20), ahead=AHEAD, until=MAYBE)
    def beat(
        self, number: int, instance: str, at: datetime, back: int, ahead: int, until: datetime | None
    ) -> None:
        beat = Beat(
            session_id=a_session(number).id,
            server_instance_id=instance,
            at=at,
            not_before=at - timedelta(minutes=back),
            not_after=at + timedelta(minutes=ahead),
            last_access_at=at,
            request_count=back,
            credentials_until=until,
        )
        self.same(lambda store: store.beat(beat))

    @rule(number=NUMBERS, instance=INSTANCES, seen=INSTANTS, at=INSTANTS, exact=st.booleans())
    def revive(self, number: int, instance: str, seen: datetime, at: datetime, exact: bool) -> None:
        id_ = a_session(number).id
        there = self.loop.run_until_complete(self.model.standing(id_, ())).session
        if exact and there is not None:
            seen = there.heartbeat_at
        self.same(lambda store: store.revive(id_, instance, seen, at))

    @rule(number=NUMBERS, at=INSTANTS)
    def end(self, number: int, at: datetime) -> None:
        self.same(lambda store: store.end(a_session(number).id, at))

    @rule(number=NUMBERS, at=INSTANTS, by=TEXT, reason=TEXT)
    def revoke(self, number: int, at: datetime, by: str, reason: str) -> None:
        cut = Revocation(at=at, by=by, reason=reason)
        self.same(lambda store: store.revoke(a_session(number).id, cut))

    @rule(key=KEYS, at=INSTANTS, until=MAYBE, reason=TEXT)
    def block(self, key: BlockKey, at: datetime, until: datetime | None, reason: str) -> None:
        self.same(lambda store: store.block(a_block(key, at=at, until=until, reason=reason)))

    @rule(key=KEYS, by=TEXT, at=INSTANTS)
    def lift(self, key: BlockKey, by: str, at: datetime) -> None:
        self.same(lambda store: store.lift(key, by, at))

    @rule(
        person=st.none() | PEOPLE,
        profile=st.none() | PROFILES,
        state=st.none() | st.sampled_from(State),
        since=MAYBE,
        now=INSTANTS,
        limit=st.integers(1, 3),
    )
    def list(
        self,
        person: str | None,
        profile: str | None,
        state: State | None,
        since: datetime | None,
        now: datetime,
        limit: int,
    ) -> None:
        query = SessionQuery(person=person, profile=profile, state=state, since=since)

        async def all_pages(store: SessionStore) -> Any:
            page = await store.sessions(query, now, limit)
            found: tuple[Session, ...] = page.sessions
            while page.next_token is not None:
                assert len(page.sessions) == limit
                page = await store.sessions(query, now, limit, page.next_token)
                found += page.sessions
            assert len({session.id for session in found}) == len(found)
            return said(Page(sessions=found))

        self.same(all_pages)

    @invariant()
    def they_stand_alike(self) -> None:
        if hasattr(self, "store"):
            keys = [BlockKey(scope=Scope.EVERYONE), BlockKey(scope=Scope.PERSON, name="iam:1:ann")]
            for number in range(1, 5):
                self.same(lambda store: store.standing(a_session(number).id, keys))  # noqa: B023
            self.same(lambda store: store.blocks())


class SqliteSameAsMemory(SameAsMemory):
    """SQLite against the model."""

    kind = "sqlite"


class DynamoDbSameAsMemory(SameAsMemory):
    """DynamoDB Local against the model; few examples, because each makes a table."""

    kind = "dynamodb"


TestSqlite = SqliteSameAsMemory.TestCase
TestSqlite.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestDynamoDb = DynamoDbSameAsMemory.TestCase
TestDynamoDb.settings = settings(max_examples=4, stateful_step_count=15, deadline=None)
