"""A whole gate in memory: policies, base, roles, store and log are working fakes that a test can break."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sentinel_server.access.facts import Ask, Target
from sentinel_server.access.gate import Gate
from sentinel_server.access.journal import Journal
from sentinel_server.access.seat import Rules, Seat, Sources, Workflows
from sentinel_server.access.session import ServerSession, SessionOptions
from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.credentials.cache import MintCache
from sentinel_server.errors import SentinelError
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.schema import (
    Conditions,
    Effect,
    Lease,
    LoadedPolicy,
    Mode,
    Origin,
    Policy,
    Rule,
)
from sentinel_server.policy.sides import AnySide, LoadedSide, SideDocument
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.store import Records
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.store import SessionStore
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.credentials import FakeBase, FakeRoles

ROLE = "arn:aws:iam::111122223333:role/prod"
ANYONE = Conditions(profiles=("prod",))
ALLOW = Rule(name="everyone", effect=Effect.ALLOW, conditions=ANYONE)
DENY = Rule(name="nobody", effect=Effect.DENY, conditions=ANYONE, reason="frozen")


def loaded(*rules: Rule, origin: Origin = Origin.FILE) -> LoadedPolicy:
    """A policy of these rules, as a source would give it."""
    return LoadedPolicy(policy=Policy(rules=rules), name="prod.yaml", sha256="0" * 64, origin=origin)


@dataclass(slots=True)
class FakePolicies:
    """Gives the policy a test put here; `fails` is raised instead. With `kept` it is always at hand."""

    policy: LoadedPolicy = field(default_factory=lambda: loaded(ALLOW))
    fails: BaseException | None = None
    loads: int = 0
    kept: bool = True
    names: set[str] = field(default_factory=set)

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy a test put here, whatever the profile."""
        self.loads += 1
        if self.fails is not None:
            raise self.fails
        return self.policy

    def at_hand(self, profile: str) -> LoadedPolicy | None:
        """The same, unless it has to be waited for."""
        self.names.add(profile)
        if not self.kept or self.fails is not None:
            return None
        self.loads += 1
        return self.policy


@dataclass(slots=True)
class FakeIds:
    """Ids that count: 0000000000000001, …"""

    made: int = 0

    def fresh(self) -> str:
        """The next id."""
        self.made += 1
        return f"{self.made:016x}"


@dataclass(slots=True)
class FakeSides:
    """Gives the side policies a test put here; `fails` is raised instead."""

    documents: dict[DocumentKind, SideDocument] = field(default_factory=dict)
    fails: SentinelError | None = None

    async def load(self, kind: DocumentKind) -> AnySide | None:
        """The policy a test put here."""
        if self.fails is not None:
            raise self.fails
        if kind not in self.documents:
            return None
        document = self.documents[kind]
        return LoadedSide(document=document, kind=kind, name=kind.value, sha256="0" * 64, origin=Origin.FILE)


@dataclass
class World:
    """Everything around one gate."""

    clock: FakeClock = field(default_factory=FakeClock)
    policies: FakePolicies = field(default_factory=FakePolicies)
    base: FakeBase = field(default_factory=FakeBase)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    store: SessionStore = field(default_factory=MemorySessions)
    rules: Rules = field(default_factory=Rules)
    told: list[SentinelError | None] = field(default_factory=list)
    tables: list[str | None] = field(default_factory=list)
    records: Records = field(default_factory=MemoryRecords)
    sides: FakeSides = field(default_factory=FakeSides)
    seat: Seat = field(init=False)

    def __post_init__(self) -> None:
        self.roles = FakeRoles(clock=self.clock)

    async def _open(self, table: str | None) -> SessionStore:
        self.tables.append(table)
        return self.store

    async def _ledgers(self) -> Records:
        return self.records

    @property
    def sources(self) -> Sources:
        """The fakes as the gate wants them."""
        return Sources(
            policies=self.policies,
            base=self.base,
            roles=self.roles,
            open_store=self._open,
            audit=self.audit,
            clock=self.clock,
            ids=FakeIds(),
            rules=self.rules,
            workflows=Workflows(open_records=self._ledgers, sides=self.sides),
        )

    def a_seat(
        self,
        mode: Mode = Mode.CREDENTIAL_PROCESS,
        *,
        role: str | None = ROLE,
        duration: timedelta | None = None,
        lease: Lease | None = None,
    ) -> Seat:
        """A place at the gate for the profile `prod`."""
        about = AuditEvent(action=Action.SERVED, at=self.clock.now(), profile="prod", mode=mode.value)
        return Seat(
            ask=Ask(profile="prod", mode=mode, duration=duration, lease=lease),
            target=Target(role_arn=role),
            journal=Journal(self.audit, self.clock, about, self.told.append),
            cache=MintCache(self.clock),
            instance_id="aaaaaaaaaaaaaaaa",
        )

    def a_server(self, options: SessionOptions | None = None, *, role: str | None = ROLE) -> ServerSession:
        """A server session that has not started."""
        sources = self.sources
        self.seat = self.a_seat(Mode.SERVER, role=role)
        return ServerSession(Gate(sources), sources, self.seat, options or SessionOptions())

    def actions(self) -> list[str]:
        """The words of all audit lines, in order."""
        return [event.action.value for event in self.audit.events]
