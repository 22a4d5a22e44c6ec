"""Decisions that something else overtakes: a refusal in the same turn of the loop, another rule's table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from sentinel_server.access.session import ServerSession, SessionOptions
from sentinel_server.auditlog.event import Action
from sentinel_server.errors import Blocked, PolicyDenied, SessionRevoked, TooLate
from sentinel_server.identity.principal import Principal
from sentinel_server.records.model import Ref
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Standing
from sentinel_server.sessions.store import SessionStore, StoreRef
from tests.fakes.credentials import FakeBase
from tests.fakes.gate import ALLOW, DENY, World, loaded
from tests.fakes.waiting import settle, until


@dataclass
class _Held:
    """A reader that has looked already, and tells all who asked what it saw at the same moment."""

    store: SessionStore
    go: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        seen = await self.store.standing(session_id, keys, refs)
        self.waiting += 1
        try:
            await self.go.wait()
        finally:
            self.waiting -= 1
        return seen


async def _started(world: World, options: SessionOptions | None = None) -> ServerSession:
    session = world.a_server(options)
    await session.start()
    return session


async def test_nothing_is_minted_for_a_decision_overtaken_before_its_mint_began() -> None:
    world = World()
    session = await _started(world)
    world.seat.cache.invalidate()
    held = world.seat.reader = _Held(world.store)
    early = asyncio.ensure_future(session.fetch())
    await until(lambda: held.waiting == 1)
    cut = Revocation(at=world.clock.now(), by="carol", reason="INC-42")
    await world.store.revoke(session.session_id or "", cut)
    late = asyncio.ensure_future(session.fetch())
    await until(lambda: held.waiting == 2)
    held.go.set()
    outcomes = await asyncio.gather(early, late, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [TooLate, SessionRevoked]
    refused = [event.code for event in world.audit.events if event.action is Action.REFUSED]
    assert sorted(filter(None, refused)) == ["SessionRevoked", "TooLate"]
    assert len(world.roles.asks) == 1, "AWS was asked at the start, and not again"
    await session.close()


@dataclass
class _SlowBase(FakeBase):
    """Base credentials that are slow to say whose they are, once told to be."""

    gate: asyncio.Event | None = None

    async def principal(self) -> Principal:
        if self.gate is not None:
            await self.gate.wait()
        return self.who


async def test_a_read_is_given_up_with_the_round_that_asked_for_it() -> None:
    base = _SlowBase(known=False)
    world = World(base=base)
    session = await _started(world)
    held = world.seat.reader = _Held(world.store)
    base.gate = asyncio.Event()
    fetch = asyncio.ensure_future(session.fetch())
    await until(lambda: held.waiting == 1)
    await session.close()
    await asyncio.gather(fetch, return_exceptions=True)
    await settle()
    assert held.waiting == 0


@dataclass
class _Tables(World):
    """A world with a store for each table, and one of its own."""

    stores: dict[str | None, MemorySessions] = field(default_factory=dict)

    async def _open(self, table: str | None) -> SessionStore:
        await super()._open(table)
        ref = StoreRef(url=f"memory:{table or ''}", shared=True, table=table)
        return self.stores.setdefault(table, MemorySessions(ref))


async def test_a_start_that_was_refused_leaves_no_table_to_the_next() -> None:
    world = _Tables()
    session = await _started(world, SessionOptions(lazy=True))
    world.policies.policy = loaded(replace(DENY, session_table="theirs"))
    with pytest.raises(PolicyDenied):
        await session.fetch()
    everyone = BlockKey(scope=Scope.EVERYONE)
    block = Block(key=everyone, at=world.clock.now(), by="carol", reason="INC-42")
    await (await world._open(None)).block(block)
    world.policies.policy = loaded(ALLOW)
    with pytest.raises(Blocked):
        await session.fetch()
    await session.close()
