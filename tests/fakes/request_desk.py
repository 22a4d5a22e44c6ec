"""A desk for requests in memory: its clock and its policy are a test's to change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.signing import Signer
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Ledger, Search
from sentinel_server.records.store import Records
from sentinel_server.requests.asking import Wanted, ask
from sentinel_server.requests.deciding import approve
from sentinel_server.requests.desk import Desk, Limits, Rulebook
from sentinel_server.requests.model import AccessRequest
from sentinel_server.requests.rules import VoteCheck, no_signature_wanted
from tests.fakes.clock import FakeClock
from tests.fakes.gate import FakeIds
from tests.fakes.requests import ALICE, BOB, NOBODY_JOINED, NOON, POLICY


def wanted(asker: Principal = ALICE, **changes: object) -> Wanted:
    """An hour of prod."""
    made = Wanted(
        principal=asker,
        profile="prod",
        duration=timedelta(hours=1),
        justification="rotate the database keys",
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # why: a test's shorthand


@dataclass(slots=True)
class Office:
    """Records, a clock and the rest of a desk. `policy` None is no approval policy."""

    records: Records = field(default_factory=MemoryRecords)
    clock: FakeClock = field(default_factory=lambda: FakeClock(time=NOON))
    ids: FakeIds = field(default_factory=FakeIds)
    policy: ApprovalPolicy | None = POLICY
    fails: Exception | None = None

    def desk(
        self,
        *,
        signer: Signer | None = None,
        check: VoteCheck = no_signature_wanted,
        persons: Persons = NOBODY_JOINED,
        limits: Limits | None = None,
    ) -> Desk:
        """A desk at which somebody sits."""
        return Desk(
            records=self.records,
            rules=self._rules,
            clock=self.clock,
            ids=self.ids,
            rest=lambda _: asyncio.sleep(0),
            persons=persons,
            check=check,
            signer=signer,
            limits=limits or Limits(),
        )

    async def _rules(self) -> Rulebook:
        if self.fails is not None:
            raise self.fails
        return Rulebook(policy=self.policy)

    async def asked(self, asker: Principal = ALICE, **changes: object) -> AccessRequest:
        """A request that somebody has made."""
        return (await ask(self.desk(), wanted(asker, **changes))).request

    async def approved(self, by: Principal = BOB, **changes: object) -> AccessRequest:
        """A request of Alice's that one has approved."""
        request = await self.asked(ALICE, **changes)
        return (await approve(self.desk(), request.id, by)).request

    async def told(self) -> list[str]:
        """The types of the outbox's rows, oldest first."""
        search = Search(ledger=Ledger.REQUESTS, by="outbox", value="due", newest_first=False)
        return [str(row.values["type"]) for row in (await self.records.find(search, 1000)).rows]
