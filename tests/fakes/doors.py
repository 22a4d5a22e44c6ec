"""Doors that answer as a test tells them, and a witness that remembers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sentinel_server.errors import SentinelError

CANARY = "canary-secret-access-key"
"""A secret that must be found in a 200 and nowhere else."""
BODY = (
    b'{"Code":"Success","AccessKeyId":"ASIACANARY","SecretAccessKey":"' + CANARY.encode() + b'",'
    b'"Token":"canary-session-token","Expiration":"2099-01-31T09:05:00Z"}'
)
"""What a door that allows answers."""


@dataclass(slots=True)
class FakeDoor:
    """Allows until `raises` is set. With `holds` it answers only once `let_go` is set.

    `crowded` is set when `crowd` fetches are inside at once.
    """

    body: bytes = BODY
    raises: BaseException | None = None
    holds: bool = False
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    crowd: int = 1
    crowded: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    inside: int = 0
    cancelled: int = 0

    async def fetch(self) -> bytes:
        """The body, or the exception, that a test put here."""
        self.asked += 1
        self.inside += 1
        if self.inside >= self.crowd:
            self.crowded.set()
        try:
            if self.holds:
                await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1
        if self.raises is not None:
            raise self.raises
        return self.body


@dataclass(slots=True)
class FakeWitness:
    """Remembers what it was told; a `broken` one breaks its promise not to raise."""

    auth: list[str] = field(default_factory=list)
    limited: int = 0
    failures: list[SentinelError] = field(default_factory=list)
    broken: bool = False

    def auth_failed(self, why: str) -> None:
        """Remember why."""
        self._break()
        self.auth.append(why)

    def rate_limited(self) -> None:
        """Count."""
        self.limited += 1

    def failed(self, error: SentinelError) -> None:
        """Remember the error."""
        self._break()
        self.failures.append(error)

    def _break(self) -> None:
        if self.broken:
            raise RuntimeError("the witness is broken")
