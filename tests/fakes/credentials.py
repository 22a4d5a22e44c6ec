"""Base credentials and AWS roles in memory, for tests of what stands above them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sentinel_server.clock import Clock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import RoleAsk
from sentinel_server.errors import SentinelError
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.secret import Secret

ALICE = Principal(
    partition="aws",
    account="111122223333",
    kind=Kind.IAM_USER,
    name="alice",
    unique_id="AIDAALICE",
    arn="arn:aws:iam::111122223333:user/alice",
)
"""An IAM user."""
BOB = Principal(
    partition="aws",
    account="111122223333",
    kind=Kind.SSO_ROLE,
    name="bob@example.com",
    role="AWSReservedSSO_Developer_0123456789abcdef",
    unique_id="AROADEV:bob@example.com",
    arn="arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Developer_0123456789abcdef/bob@example.com",
)
"""A person signed in through Identity Center."""
LONG_LIVED = AwsCredentials(access_key_id="AKIAALICE", secret_access_key=Secret("alice-secret"))
"""Keys of an IAM user: no token, no expiry."""


@dataclass(slots=True)
class FakeBase:
    """Base credentials that are what a test assigns; `fails` is raised by both calls.

    With `known` it is always at hand whose they are.
    """

    who: Principal = ALICE
    credentials: AwsCredentials = LONG_LIVED
    fails: SentinelError | None = None
    resolved: int = 0
    asked: int = 0
    known: bool = True

    async def resolve(self) -> AwsCredentials:
        """The credentials a test put here."""
        self.resolved += 1
        if self.fails is not None:
            raise self.fails
        return self.credentials

    async def principal(self) -> Principal:
        """The principal a test put here."""
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        return self.who

    def at_hand(self) -> Principal | None:
        """The same, unless it has to be waited for."""
        if not self.known or self.fails is not None:
            return None
        self.asked += 1
        return self.who


@dataclass(slots=True)
class FakeRoles:
    """Grants any role, numbers what it gives (`ASIA0001`, …) and remembers the asks.

    `lasting` overrides how long sessions live, whatever was asked. While `gate` is set and closed, a mint
    waits behind it; `started` is set when one has begun. `fails` is raised after the
    gate, instead of granting.
    """

    clock: Clock
    lasting: timedelta | None = None
    fails: SentinelError | None = None
    gate: asyncio.Event | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    asks: list[RoleAsk] = field(default_factory=list)
    tokens: list[timedelta] = field(default_factory=list)
    given: list[AwsCredentials] = field(default_factory=list)

    async def assume(self, ask: RoleAsk) -> AwsCredentials:
        """A session as long as asked, unless a test says otherwise."""
        self.asks.append(ask)
        return await self._give(ask.duration)

    async def session_token(self, duration: timedelta) -> AwsCredentials:
        """A session of the base credentials."""
        self.tokens.append(duration)
        return await self._give(duration)

    async def _give(self, duration: timedelta) -> AwsCredentials:
        self.started.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        fresh = a_session(self.clock, lasting=self.lasting or duration)
        numbered = replace(fresh, access_key_id=f"ASIA{len(self.given) + 1:04}")
        self.given.append(numbered)
        return numbered


def a_session(clock: Clock, *, lasting: timedelta) -> AwsCredentials:
    """Temporary credentials that end `lasting` from now."""
    return AwsCredentials(
        access_key_id="ASIA0000",
        secret_access_key=Secret("session-secret"),
        session_token=Secret("session-token"),
        expires_at=clock.now() + lasting,
    )
