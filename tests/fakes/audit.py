"""An audit log in memory, for tests of what must be written down before it may happen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.errors import SentinelError


@dataclass(slots=True)
class MemoryAudit:
    """Keeps events in order. `fails` is raised instead of keeping them, until a test takes it away.

    While `gate` is set and closed, a record waits behind it; `started` is set when one has begun. `synced`
    holds the events that were asked to be durable.
    """

    fails: SentinelError | None = None
    gate: asyncio.Event | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[AuditEvent] = field(default_factory=list)
    synced: list[AuditEvent] = field(default_factory=list)
    closed: bool = False

    async def record(self, *events: AuditEvent, durable: bool = True) -> None:
        """Keep the events, all or none."""
        self.started.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        self.events.extend(events)
        if durable:
            self.synced.extend(events)

    async def close(self) -> None:
        """Remember that nothing more may come."""
        self.closed = True

    def actions(self) -> list[Action]:
        """What happened, in order."""
        return [event.action for event in self.events]
