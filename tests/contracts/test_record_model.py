"""Whatever is done to a store of ledgers, in whatever order, it answers as the one in memory does."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sentinel_server.errors import SentinelError
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import SORT, Change, Found, Lacking, Ledger, Ref, Search, Seen
from sentinel_server.records.store import Records
from tests.fakes.ledgers import a_ref, at
from tests.fakes.session_stores import open_records

REFS = st.builds(a_ref, st.integers(1, 4), st.sampled_from(Ledger))
SECONDS = st.integers(0, 5).map(at)
WORDS = st.sampled_from(["alice", "bob", "#", "ä"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        SORT: SECONDS | st.none(),
        "person": WORDS | st.none(),
        "status": WORDS | st.none() | st.just(""),
        "comment": TEXT | st.none(),
        "seconds": st.integers(-5, 2**63),
    },
)
ATTRIBUTES = st.sampled_from(["person", "status", "comment", "review"])


class SameAsMemory(RuleBasedStateMachine):
    """Does everything twice, to the store and to the model, and compares what comes of it."""

    kind: ClassVar[str]

    @initialize()
    def open(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.model = MemoryRecords()
        directory = self.stack.enter_context(tempfile.TemporaryDirectory())
        opening = self.stack.enter_async_context(open_records(self.kind, Path(directory)))
        self.store = self.loop.run_until_complete(opening)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(self.stack.aclose())
            self.loop.close()

    def same(self, does: Callable[[Records], Awaitable[Any]]) -> Any:
        async def outcome(records: Records) -> Any:
            try:
                return await does(records)
            except SentinelError as error:
                return type(error)

        ours = self.loop.run_until_complete(outcome(self.store))
        assert ours == self.loop.run_until_complete(outcome(self.model))
        return ours

    def version(self, ref: Ref) -> int | None:
        row = self.model.look([ref]).get(ref)
        return None if row is None else row.version

    @rule(
        asks=st.lists(
            st.tuples(REFS, VALUES, st.sampled_from([0, 0, 0, 0, 0, 1, -1, ("status",), ()])), max_size=4
        )
    )
    def commit(self, asks: list[tuple[Ref, dict[str, Any], int | tuple[str, ...]]]) -> None:
        """Most are decided on the version that is there, some on what the row lacks."""
        changes = []
        for ref, values, off in asks:
            there = self.version(ref)
            seen: Seen = there
            if isinstance(off, tuple):
                seen = Lacking(off)
            elif off:
                seen = (there or 0) + off
            changes.append(Change(ref=ref, seen=seen, set=values))
        self.same(lambda records: records.commit(changes))

    @rule(
        ledger=st.sampled_from(Ledger),
        by=ATTRIBUTES,
        value=WORDS,
        since=st.none() | SECONDS,
        newest=st.booleans(),
        limit=st.integers(1, 3),
    )
    def find(self, ledger: Ledger, by: str, value: str, since: str | None, newest: bool, limit: int) -> None:
        search = Search(ledger=ledger, by=by, value=value, since=since, newest_first=newest)

        async def all_pages(records: Records) -> Any:
            page: Found = await records.find(search, limit)
            rows = page.rows
            while page.next_token is not None:
                assert len(page.rows) == limit
                page = await records.find(search, limit, page.next_token)
                rows += page.rows
            times = [row.values[SORT] for row in rows]
            assert times == sorted(times, reverse=newest)
            assert len({row.ref for row in rows}) == len(rows)
            return {row.ref: row for row in rows}

        self.same(all_pages)

    @invariant()
    def they_hold_the_same_rows(self) -> None:
        if hasattr(self, "store"):
            refs = [a_ref(number, ledger) for number in range(1, 5) for ledger in Ledger]
            self.same(lambda records: records.get(refs))


class SqliteSameAsMemory(SameAsMemory):
    """SQLite against the model."""

    kind = "sqlite"


class DynamoDbSameAsMemory(SameAsMemory):
    """DynamoDB Local against the model; few examples, because each makes tables."""

    kind = "dynamodb"


TestSqlite = SqliteSameAsMemory.TestCase
TestSqlite.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestDynamoDb = DynamoDbSameAsMemory.TestCase
TestDynamoDb.settings = settings(max_examples=4, stateful_step_count=20, deadline=None)
