"""What one door remembers from ask to ask, and what the gate needs from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.access.facts import Allow, Ask, Target
from sentinel_server.access.journal import Journal
from sentinel_server.auditlog.sink import AuditSink
from sentinel_server.clock import Clock, Ids
from sentinel_server.credentials.cache import MintCache
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import BaseCredentials, RoleAssumer
from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.identity.people import Persons
from sentinel_server.policy.sides import SidePolicies
from sentinel_server.policy.source import KeptPolicies
from sentinel_server.records.model import Ref
from sentinel_server.records.store import Records
from sentinel_server.requests.rules import VoteCheck, no_signature_wanted
from sentinel_server.sessions.model import BlockKey, Standing
from sentinel_server.sessions.store import SessionStore


class StandingReader(Protocol):
    """Reads a session's standing; a store does, and so does what groups the reads of a store."""

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        """One consistent look that began after this call. Raises StoreUnavailable."""
        ...


OpenStore = Callable[[str | None], Awaitable[SessionStore]]
"""Opens the session store: the configured one, or the table a rule names. Raises StoreUnavailable."""


OpenRecords = Callable[[], Awaitable[Records]]
"""Opens the ledgers of approvals and emergencies, or gives them again. Raises StoreUnavailable."""


@frozen
class Rules:
    """The settings that decisions depend on."""

    lapse_after: timedelta = timedelta(minutes=10)
    enforce_lease: bool = False
    session_tags: bool = False
    persons: Persons = field(default_factory=Persons)


@frozen
class Workflows:
    """Where approvals and emergencies are kept, the policies they go by, and what makes a vote count."""

    open_records: OpenRecords
    sides: SidePolicies
    check: VoteCheck = no_signature_wanted


@frozen
class Sources:
    """Everything the gate asks, as ports. Without `workflows` nothing lifts a refusal."""

    policies: KeptPolicies
    base: BaseCredentials
    roles: RoleAssumer
    open_store: OpenStore
    audit: AuditSink
    clock: Clock
    ids: Ids
    rules: Rules = field(default_factory=Rules)
    workflows: Workflows | None = None


DIRECT = "direct"
"""What a seat is under that policy itself allows."""


@dataclass(slots=True, kw_only=True)
class Seat:
    """One door's place at the gate: what it asks for, and what it holds between asks.

    A server's seat has a session; `starting` is true until its row exists. `store` is chosen at the first
    ask, because a rule may name it as `table`. `own_person` is the principal's key before the `people` map.
    `refs` are the request and the emergency that it runs under, or that may yet lift what refuses it;
    `under` is the id of what the latest decision allowed it by, or `DIRECT`. `signed_at` is the latest time
    of a sign of life that it gave, or may have given: not always the last, because clocks are set back.
    """

    ask: Ask
    target: Target
    journal: Journal
    cache: MintCache
    session_id: str | None = None
    instance_id: str | None = None
    starting: bool = False
    started_as: str | None = None
    person: str | None = None
    own_person: str | None = None
    store: SessionStore | None = None
    table: str | None = None
    reader: StandingReader | None = None
    refs: tuple[Ref, ...] = ()
    sought_at: float | None = None
    under: str | None = None
    search: asyncio.Task[SentinelError | None] | None = None
    signed_at: datetime | None = None

    def sign(self, now: datetime) -> datetime:
        """Take note of a sign of life that is about to be given; the latest so far."""
        self.signed_at = now if self.signed_at is None else max(now, self.signed_at)
        return self.signed_at


@frozen
class Issued:
    """Credentials on their way out: `expires_at` is what may be told, `until` AWS's own end of them."""

    credentials: AwsCredentials
    expires_at: datetime
    until: datetime
    issue_id: str
    allow: Allow
