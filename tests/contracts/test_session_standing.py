"""One look at a session, at the blocks and at the rows of ledgers that a decision rests on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel_server.errors import BadInput, StoreUnavailable
from sentinel_server.records.model import Change, Ledger
from sentinel_server.records.store import MOST_ROWS, Records
from sentinel_server.sessions.model import BlockKey, Scope, Standing
from sentinel_server.sessions.store import Beat, SessionStore
from tests.fakes.ledgers import a_ref, made
from tests.fakes.session_stores import EVERY_STORE, SHARED_BY_PROCESSES, open_both, open_store
from tests.fakes.sessions import MINUTE, NOON, a_block, a_session

EVERYONE = BlockKey(scope=Scope.EVERYONE)
REQUEST, EMERGENCY = a_ref(1), a_ref(1, Ledger.BREAKGLASS)

Both = tuple[SessionStore, Records]


@pytest.fixture(params=EVERY_STORE)
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Both]:
    async with open_both(request.param, tmp_path) as opened:
        yield opened


async def test_one_look_shows_the_session_the_blocks_and_the_rows_asked_for(both: Both) -> None:
    store, records = both
    await store.create(a_session())
    await store.block(a_block(EVERYONE))
    assert await records.commit([made(REQUEST), made(EMERGENCY, person="bob"), made(a_ref(2))])
    rows = await records.get([REQUEST, EMERGENCY])
    asked = [REQUEST, EMERGENCY, a_ref(7), REQUEST]
    seen = await store.standing(a_session().id, [EVERYONE], asked)
    assert seen == Standing(session=a_session(), blocks=(a_block(EVERYONE),), rows=rows)
    assert await store.standing(None, (), [REQUEST]) == Standing(session=None, rows={REQUEST: rows[REQUEST]})
    assert (await store.standing(a_session().id, [EVERYONE])).rows == {}


async def test_a_look_sees_every_commit_that_returned_before_it(both: Both) -> None:
    store, records = both
    await store.create(a_session())
    assert await records.commit([made(REQUEST)])
    for version in range(1, 8):
        assert await records.commit([Change(ref=REQUEST, seen=version, set={"count": version})])
        seen = (await store.standing(a_session().id, (), [REQUEST])).rows[REQUEST]
        assert (seen.version, seen.values["count"]) == (version + 1, version)


async def test_too_many_rows_are_refused_by_every_store(both: Both) -> None:
    with pytest.raises(BadInput):
        await both[0].standing(None, (), [a_ref(number) for number in range(MOST_ROWS + 1)])


async def test_a_session_tells_under_what_it_last_ran(both: Both) -> None:
    store, _ = both
    plain, approved = a_session(1), a_session(2, override_id="00000000000000e1")
    for session in (plain, approved):
        await store.create(session)
        assert (await store.standing(session.id, ())).session == session
    beat = Beat(
        session_id=plain.id,
        server_instance_id=plain.server_instance_id,
        at=NOON + MINUTE,
        not_before=NOON,
        not_after=NOON + MINUTE,
        last_access_at=NOON + MINUTE,
        request_count=1,
        override_id="00000000000000e2",
    )
    assert await store.beat(beat)
    assert await store.beat(replace(beat, override_id=None))
    seen = (await store.standing(plain.id, ())).session
    assert seen is not None
    assert seen.override_id == "00000000000000e2"


async def test_a_store_that_knows_no_ledgers_says_so(tmp_path: Path) -> None:
    async with open_store("moto", tmp_path) as store:
        with pytest.raises(StoreUnavailable, match="without approvals"):
            await store.standing(None, (), [REQUEST])


@pytest.fixture(params=SHARED_BY_PROCESSES)
async def shared(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Both]:
    async with open_both(request.param, tmp_path) as opened:
        yield opened


async def test_two_rows_that_change_together_are_never_seen_apart(shared: Both) -> None:
    """BatchGetItem is not a snapshot across items, so this is asked of SQLite; of DynamoDB only that
    neither row is older than what was committed before the look began."""
    store, records = shared
    await records.commit([made(REQUEST), made(EMERGENCY)])
    known = 1

    async def keep_changing() -> None:
        nonlocal known
        for version in range(1, 30):
            done = await records.commit(
                [Change(ref=REQUEST, seen=version), Change(ref=EMERGENCY, seen=version)]
            )
            assert done
            known = version + 1

    changing = asyncio.ensure_future(keep_changing())
    while not changing.done():
        before = known
        seen = {row.version for row in (await store.standing(None, (), [REQUEST, EMERGENCY])).rows.values()}
        assert min(seen) >= before
        if store.ref.url.startswith("sqlite:"):
            assert len(seen) == 1
    await changing
