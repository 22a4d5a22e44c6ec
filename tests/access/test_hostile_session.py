"""A server session at its worst moments: waking up, closing, failing to mint, a person under two names."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from sentinel_server.access.seat import Rules
from sentinel_server.access.session import SessionOptions
from sentinel_server.auditlog.event import Action
from sentinel_server.errors import Blocked, RoleRefused, SessionLapsed, StoreUnavailable, TooLate
from sentinel_server.identity.people import Persons
from sentinel_server.records.model import Ref
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import Block, BlockKey, Scope, Standing
from sentinel_server.sessions.store import Beat
from tests.fakes.credentials import ALICE
from tests.fakes.gate import World

ALICES_OWN_KEY = "iam:111122223333:alice"


def blocked(world: World, person: str) -> Block:
    """A block on a person, from now on."""
    key = BlockKey(scope=Scope.PERSON, name=person)
    return Block(key=key, at=world.clock.now(), by="carol", reason="INC-42")


class _FarAway(MemorySessions):
    """A store whose answers take a while, so that asks overlap."""

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        found = await super().standing(session_id, keys, refs)
        await asyncio.sleep(0.06)
        return found


async def test_all_fetches_that_come_at_once_after_a_sleep_are_served() -> None:
    world = World(store=_FarAway())
    session = world.a_server()
    await session.start()
    world.clock.pass_(timedelta(hours=1))
    first = asyncio.create_task(session.fetch())
    await asyncio.sleep(0)
    second = asyncio.create_task(session.fetch())
    answers = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(answer) for answer in answers] == [bytes] * 2
    assert not [error for error in world.told if isinstance(error, SessionLapsed)]
    assert world.actions().count("session_revived") == 1
    await session.close()


@pytest.mark.parametrize("key", [ALICES_OWN_KEY, "person:al"])
async def test_a_block_holds_under_the_persons_own_key_and_under_that_of_the_local_map(key: str) -> None:
    world = World(rules=Rules(persons=Persons({"al": [ALICES_OWN_KEY]})))
    assert ALICE.person == ALICES_OWN_KEY
    session = world.a_server()
    await session.start()
    await world.store.block(blocked(world, key))
    with pytest.raises(Blocked):
        await session.fetch()
    with pytest.raises(Blocked):
        await world.a_server().start()
    await session.close()


async def test_a_refusal_by_aws_while_serving_is_told_once_and_the_end_of_it_too() -> None:
    world = World()
    session = world.a_server()
    await session.start()
    world.clock.pass_(timedelta(minutes=20))
    world.roles.fails = RoleRefused("AWS does not let alice assume the role")
    refused = await asyncio.gather(*(session.fetch() for _ in range(20)), return_exceptions=True)
    assert {type(error) for error in refused} == {RoleRefused}
    world.roles.fails = None
    await session.fetch()
    assert [type(error) for error in world.told] == [RoleRefused, type(None)]
    refusals = [event for event in world.audit.events if event.action is Action.REFUSED]
    assert sum(event.count or 1 for event in refusals) == 20
    assert len(refusals) <= 2
    await session.close()


@pytest.mark.parametrize("given_up_after", [0.75, 5.0], ids=["by the door too", "by the round alone"])
async def test_who_had_no_answer_in_time_is_counted_once_for_that(given_up_after: float) -> None:
    world = World()
    session = world.a_server()
    await session.start()
    world.audit.gate = asyncio.Event()
    await world.store.block(blocked(world, ALICES_OWN_KEY))
    fetch = asyncio.create_task(session.fetch())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    began = loop.time()

    def stand_still() -> None:
        while loop.time() < began + 0.8:
            pass

    loop.call_later(0.1, stand_still)  # so that the round and the door give up in one turn of the loop
    loop.call_at(began + given_up_after, fetch.cancel)
    (outcome,) = await asyncio.gather(fetch, return_exceptions=True)
    if isinstance(outcome, asyncio.CancelledError):
        session.failed(TooLate("no answer within 800 ms"))  # as the HTTP layer does
    world.audit.gate.set()
    await session.close()
    counted = [(event.code, event.count) for event in world.audit.events if event.action is Action.REFUSED]
    late = "TooLate" if given_up_after < 1 else "StoreUnavailable"
    assert sorted(counted, key=str) == sorted([("Blocked", 1), (late, 1)], key=str)


class _NeverEnds(MemorySessions):
    """A store that does not answer when a session ends, as behind a network that swallows packets."""

    async def end(self, session_id: str, at: object) -> bool:
        await asyncio.Event().wait()
        return False


class _CannotEnd(MemorySessions):
    """A store that fails when a session ends."""

    async def beat(self, beat: Beat) -> bool:
        raise StoreUnavailable("no table")

    async def end(self, session_id: str, at: object) -> bool:
        raise StoreUnavailable("no table")


async def test_a_store_that_is_silent_does_not_keep_the_prompt_from_coming_back() -> None:
    world = World(store=_NeverEnds())
    session = world.a_server(SessionOptions(ending=timedelta(milliseconds=50)))
    await session.start()
    async with asyncio.timeout(5):
        await session.close()


async def test_what_was_counted_is_written_at_the_end_even_if_the_store_fails() -> None:
    world = World(store=_CannotEnd())
    session = world.a_server()
    await session.start()
    session.auth_failed("wrong token")
    await session.close()
    assert "auth_failed" in world.actions()


async def test_what_was_counted_is_written_at_the_end_of_a_session_that_never_began() -> None:
    world = World()
    session = world.a_server(SessionOptions(lazy=True))
    await session.start()
    session.auth_failed("wrong token")
    await session.close()
    assert world.actions() == ["auth_failed"]
