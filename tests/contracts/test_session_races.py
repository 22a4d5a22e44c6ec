"""What holds when several write at once, on the stores in which they truly can.

(The emulated AWS of the sandbox is not among them: its conditional writes are not atomic.)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.access.rounds import RoundLimits, Rounds
from sentinel_server.errors import AlreadyExists, NotFound, SessionRevoked, StoreUnavailable, TooLate
from sentinel_server.records.model import Ref
from sentinel_server.sessions.model import BlockKey, Scope, Session, Standing, block_keys
from sentinel_server.sessions.store import Beat, SessionStore
from tests.fakes.gate import World
from tests.fakes.session_stores import SHARED_BY_PROCESSES, open_store
from tests.fakes.sessions import MINUTE, NOON, a_block, a_revocation, a_session
from tests.fakes.waiting import until

PATIENT = RoundLimits(budget=30.0)


@pytest.fixture(params=SHARED_BY_PROCESSES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionStore]:
    async with open_store(request.param, tmp_path) as opened:
        yield opened


async def created(store: SessionStore) -> Session:
    session = a_session()
    await store.create(session)
    return session


def beat_number(session: Session, number: int) -> Beat:
    at = NOON + timedelta(seconds=number)
    return Beat(
        session_id=session.id,
        server_instance_id=session.server_instance_id,
        at=at,
        not_before=NOON,
        not_after=at,
        last_access_at=at,
        request_count=number,
    )


async def test_of_many_creations_of_one_id_one_wins(store: SessionStore) -> None:
    tries = [store.create(a_session(user=f"user{number}")) for number in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyExists) for outcome in outcomes) == 7


async def test_of_many_revocations_one_is_first_and_all_learn_which(store: SessionStore) -> None:
    session = await created(store)
    rows = await asyncio.gather(*(store.revoke(session.id, a_revocation(f"by{n}")) for n in range(8)))
    assert len({row.revocation for row in rows}) == 1


async def test_w19_a_busy_session_cannot_outrun_its_revocation(store: SessionStore) -> None:
    session = await created(store)
    stop = asyncio.Event()
    written: list[int] = []

    async def keep_beating() -> None:
        number = 1
        while not stop.is_set():
            if await store.beat(beat_number(session, number)):
                written.append(number)
            number += 1

    beating = [asyncio.ensure_future(keep_beating()) for _ in range(3)]
    await until(lambda: len(written) >= 5)
    revoked = await store.revoke(session.id, a_revocation())
    before = len(written)
    assert revoked.revocation == a_revocation()
    assert not await store.beat(beat_number(session, 10**6))
    stop.set()
    await asyncio.gather(*beating)
    assert len(written) <= before + 3, "only beats under way at that moment may still have been counted"
    final = (await store.standing(session.id, ())).session
    assert final is not None
    assert final.revocation == a_revocation()


async def test_of_many_lifts_one_succeeds(store: SessionStore) -> None:
    key = BlockKey(scope=Scope.EVERYONE)
    await store.block(a_block(key))
    tries = [store.lift(key, f"by{number}", NOON + MINUTE) for number in range(6)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, NotFound) for outcome in outcomes) == 5


@pytest.mark.parametrize("shared", [False, True], ids=["each its own read", "shared reads"])
async def test_no_read_that_begins_after_a_revocation_returned_misses_it(
    store: SessionStore, shared: bool
) -> None:
    """Many readers, all the time; every standing asked for after the revocation must show it."""
    session = await created(store)
    keys = block_keys(session.person, session.profile)
    rounds = Rounds(lambda _: store.standing(session.id, keys), PATIENT)
    done = asyncio.Event()
    early: list[Standing] = []
    late: list[Standing] = []

    async def keep_reading() -> None:
        while len(late) < 60:
            after = done.is_set()
            standing = await (rounds.ask() if shared else store.standing(session.id, keys))
            (late if after else early).append(standing)

    readers = [asyncio.ensure_future(keep_reading()) for _ in range(12)]
    await until(lambda: len(early) >= 30)
    await store.revoke(session.id, a_revocation())
    done.set()
    await asyncio.gather(*readers)
    await rounds.close()
    assert all(standing.session is not None for standing in (*early, *late))
    assert {s.session.revocation for s in late if s.session} == {a_revocation()}


class LateAnswers:
    """Reads a store at once, and while `passed` is clear keeps what it read, as a slow network may."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self.passed = asyncio.Event()
        self.passed.set()
        self.kept = 0

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        """What was true when this was asked."""
        standing = await self._store.standing(session_id, keys, refs)
        self.kept += not self.passed.is_set()
        await self.passed.wait()
        return standing


async def test_no_fetch_that_begins_after_a_revocation_returned_is_served(store: SessionStore) -> None:
    """Many clients of one server, with old reads under way and what they get being renewed."""
    world = World(store=store)
    session = world.a_server()
    await session.start()
    assert session.session_id is not None
    world.seat.reader = network = LateAnswers(store)
    served: list[bytes] = []

    async def keep_fetching() -> None:
        with suppress(SessionRevoked):
            while True:
                with suppress(StoreUnavailable, TooLate):  # a machine that is slow to answer
                    served.append(await session.fetch())

    clients = [asyncio.ensure_future(keep_fetching()) for _ in range(24)]
    await until(lambda: len(served) >= 100)
    world.clock.pass_(3 * MINUTE)
    network.passed.clear()
    await until(lambda: network.kept > 0)
    await store.revoke(session.session_id, a_revocation())
    late = [asyncio.ensure_future(session.fetch()) for _ in range(60)]
    await asyncio.sleep(0)  # every one of them has begun
    network.passed.set()
    refused = await asyncio.gather(*late, return_exceptions=True)
    await asyncio.gather(*clients)
    await session.close()
    assert all(isinstance(got, SessionRevoked | StoreUnavailable | TooLate) for got in refused)


async def test_a_block_is_seen_by_every_read_that_begins_after_it(store: SessionStore) -> None:
    session = await created(store)
    keys = block_keys(session.person, session.profile)
    for key in keys:
        blocking = asyncio.ensure_future(store.block(a_block(key)))
        while not blocking.done():
            await store.standing(session.id, keys)
        assert a_block(key) in (await store.standing(None, keys)).blocks
