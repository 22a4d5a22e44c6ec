"""An open door that several sessions share: the real wiring, and one store for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from sentinel_server import wiring
from sentinel_server.access.facts import Ask
from sentinel_server.access.gate import Gate
from sentinel_server.access.journal import Journal
from sentinel_server.access.seat import Seat, Sources
from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.credentials.cache import MintCache
from sentinel_server.policy.schema import Mode
from sentinel_server.sessions.store import SessionStore
from tests.faults.clocks import MachineClock
from tests.faults.ground import Ground
from tests.faults.loop import owned

PROFILE = "prod"
"""What everybody here asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One process's worth of adapters, with the machine's clock."""

    name: str
    ground: Ground
    clock: MachineClock
    door: wiring.Door
    sources: Sources
    gate: Gate

    def a_seat(self) -> Seat:
        """A place at the gate for one more server session."""
        about = AuditEvent(action=Action.SERVED, at=self.clock.now(), profile=PROFILE, mode=Mode.SERVER.value)
        return Seat(
            ask=self.door.seat.ask,
            target=self.door.seat.target,
            journal=Journal(self.sources.audit, self.clock, about),
            cache=MintCache(self.clock),
            instance_id=self.sources.ids.fresh(),
        )


@asynccontextmanager
async def house(ground: Ground, name: str) -> AsyncIterator[House]:
    """An open one; what it leaves behind is left by `name`. Raises what opening a door does."""
    clock = MachineClock(ground.truth)
    ask = Ask(profile=PROFILE, mode=Mode.SERVER)
    opening = wiring.open_door(ground.settings, ask, wiring.Visitor(), clock)
    with owned(name):
        door = await opening.__aenter__()
    sources = replace(door.sources, open_store=_Once(door.sources))
    try:
        yield House(name=name, ground=ground, clock=clock, door=door, sources=sources, gate=Gate(sources))
    finally:
        await opening.__aexit__(None, None, None)


class _Once:
    """Opens the store for the first who asks; an opening that fails is tried again."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._opening = asyncio.Lock()
        self._store: SessionStore | None = None

    async def __call__(self, table: str | None) -> SessionStore:
        async with self._opening:
            if self._store is None:
                self._store = await self._sources.open_store(table)
            return self._store
