"""A gate with ledgers that a test writes, and alice, who wants prod by an approval or an emergency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sentinel_server.access.gate import Gate
from sentinel_server.breakglass.model import Closing, Emergency
from sentinel_server.breakglass.rows import CUT, closed, event_ref, opened
from sentinel_server.errors import StoreUnavailable
from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule
from sentinel_server.policy.breakglass import BreakGlassPolicy, BreakGlassRule
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.schema import Effect, Rule
from sentinel_server.policy.sides import SideDocument
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Change, Found, Ref, Row, Search
from sentinel_server.requests.model import AccessRequest, Ruling
from sentinel_server.requests.rows import request_ref, request_values, ruling_values
from sentinel_server.sessions.memory import MemorySessions
from tests.fakes import emergencies, requests
from tests.fakes.clock import NOON
from tests.fakes.credentials import ALICE
from tests.fakes.gate import ANYONE, FakeSides, World, loaded

WANTS_APPROVAL = Rule(name="ask", effect=Effect.REQUIRE_APPROVAL, conditions=ANYONE)
SIDES: Mapping[DocumentKind, SideDocument] = {
    DocumentKind.APPROVAL: ApprovalPolicy(
        rules=(ApprovalRule(name="prod", profiles=("prod",), requesters=("alice",), approvers=("bob",)),)
    ),
    DocumentKind.BREAKGLASS: BreakGlassPolicy(
        rules=(BreakGlassRule(name="on call", profiles=("prod",), users=("alice",)),)
    ),
}


@dataclass(slots=True)
class CountingRecords:
    """Ledgers in memory that count searches; `fails` is raised by them and by commits."""

    inner: MemoryRecords
    searches: int = 0
    fails: StoreUnavailable | None = None

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """What the ledgers have."""
        return await self.inner.get(refs)

    async def commit(self, changes: Sequence[Change]) -> bool:
        """What the ledgers make of it."""
        if self.fails is not None:
            raise self.fails
        return await self.inner.commit(changes)

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """What the ledgers find."""
        self.searches += 1
        if self.fails is not None:
            raise self.fails
        return await self.inner.find(search, limit, token)

    async def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class Scene:
    """A gate whose policy is `rules`, ledgers that a test writes, and alice, who wants prod."""

    world: World
    ledger: MemoryRecords
    counted: CountingRecords

    def gate(self) -> Gate:
        """The gate."""
        return Gate(self.world.sources)

    async def has(self, request: AccessRequest) -> AccessRequest:
        """Write the request as it is, whatever was there."""
        ref = request_ref(request.id)
        there = (await self.ledger.get([ref])).get(ref)
        values = request_values(request, self.world.clock.now())
        assert await self.ledger.commit(
            [Change(ref=ref, seen=None if there is None else there.version, set=values)]
        )
        return request

    async def breaks(self, event: Emergency) -> Emergency:
        """Write the emergency."""
        assert await self.ledger.commit([Change(ref=event_ref(event.id), seen=None, set=opened(event))])
        return event

    async def revokes(self, request: AccessRequest) -> None:
        """Take the approval back, as an approver would."""
        await self._changes(
            request_ref(request.id), ruling_values("revoked", Ruling(at=self.world.clock.now(), by="bob"))
        )

    async def closes(self, event: Emergency) -> None:
        """Close the emergency, as security would."""
        closing = Closing(at=self.world.clock.now(), by="carol", reason="over")
        await self._changes(event_ref(event.id), closed(closing, CUT))

    async def _changes(self, ref: Ref, values: Mapping[str, str | int | None]) -> None:
        row = (await self.ledger.get([ref]))[ref]
        assert await self.ledger.commit([Change(ref=ref, seen=row.version, set=values)])

    def later(self, **span: float) -> None:
        """Time passes."""
        self.world.clock.pass_(timedelta(**span))


def scene(*rules: Rule) -> Scene:
    """A scene with these rules and both side policies."""
    ledger = MemoryRecords()
    counted = CountingRecords(ledger)
    world = World(
        store=MemorySessions(records=ledger), records=counted, sides=FakeSides(documents=dict(SIDES))
    )
    world.policies.policy = loaded(*rules)
    return Scene(world=world, ledger=ledger, counted=counted)


def approved_request(**changes: object) -> AccessRequest:
    """Alice's request for an hour of prod, approved by bob a minute before noon."""
    before = NOON - timedelta(minutes=2)
    asked = requests.a_request(created_at=before, expires_at=before + timedelta(days=1))
    return replace(requests.approved(asked, requests.BOB), **changes)  # type: ignore[arg-type]


def an_event(**changes: object) -> Emergency:
    """Alice's emergency for prod, opened at noon."""
    return emergencies.an_event(created_at=NOON, person=ALICE.person, principal_arn=ALICE.arn, **changes)
