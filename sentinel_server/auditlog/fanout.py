"""One log made of several, and what it means when one of them fails.

A required log that cannot be written refuses for all: nothing is issued that it does not know of. Any other
only says so, once for each time it stops working.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from sentinel_server.auditlog.event import AuditEvent
from sentinel_server.auditlog.sink import AuditSink
from sentinel_server.errors import AuditUnavailable


@dataclass(slots=True, kw_only=True)
class Destination:
    """One log among several; `name` is what people call it."""

    name: str
    sink: AuditSink
    required: bool
    failing: bool = field(default=False, init=False)


class FanOut:
    """An AuditSink that records in every destination at the same time. `note` is told what fails.

    It is as slow as its slowest destination, so one that is far away belongs behind a queue of its own.
    """

    def __init__(self, destinations: Sequence[Destination], note: Callable[[str], None]) -> None:
        self._destinations = tuple(destinations)
        self._note = note

    async def record(self, *events: AuditEvent, durable: bool = True) -> None:
        """Record everywhere; raises AuditUnavailable when a required destination could not."""
        await self._everywhere([each.sink.record(*events, durable=durable) for each in self._destinations])

    async def close(self) -> None:
        """Close every destination, also when one of them fails."""
        await self._everywhere([each.sink.close() for each in self._destinations])

    async def _everywhere(self, doing: Sequence[Coroutine[None, None, None]]) -> None:
        outcomes = await asyncio.gather(*doing, return_exceptions=True)
        for destination, outcome in zip(self._destinations, outcomes, strict=True):
            self._take_note(destination, outcome)
        for destination, outcome in zip(self._destinations, outcomes, strict=True):
            if outcome is not None and (destination.required or not isinstance(outcome, AuditUnavailable)):
                raise outcome

    def _take_note(self, destination: Destination, outcome: BaseException | None) -> None:
        if isinstance(outcome, AuditUnavailable) and not destination.required and not destination.failing:
            self._note(f"audit log {destination.name} failed: {outcome.message}")
        destination.failing = outcome is not None
