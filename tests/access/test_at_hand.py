"""What a fetch need not wait for it takes as it is, and decides no differently for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product

import pytest

from sentinel_server.access.facts import Allow, Decision
from sentinel_server.access.gate import Gate
from sentinel_server.access.session import ServerSession
from sentinel_server.errors import IdentityUnavailable, PolicyUnavailable, SentinelError, StoreUnavailable
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.schema import LoadedPolicy
from sentinel_server.records.model import Ref
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Standing
from sentinel_server.sessions.store import SessionStore
from tests.fakes.credentials import BOB, FakeBase
from tests.fakes.gate import DENY, FakePolicies, World, loaded
from tests.fakes.waiting import until

WAYS = tuple(product([True, False], repeat=2))
"""Whether the policy is at hand, and whether the principal is."""


async def started(world: World) -> ServerSession:
    session = world.a_server()
    await session.start()
    return session


def nothing(world: World) -> None:
    """Leave everything as it was."""


def denied(world: World) -> None:
    world.policies.policy = loaded(DENY)


def no_policy(world: World) -> None:
    world.policies.fails = PolicyUnavailable("SSM is down")


def somebody_else(world: World) -> None:
    world.base.who = BOB


def nobody(world: World) -> None:
    world.base.fails = IdentityUnavailable("no keys")


def down(world: World) -> None:
    world.seat.reader = Broken()


@pytest.mark.parametrize("happens", [nothing, denied, no_policy, somebody_else, nobody, down])
@pytest.mark.parametrize("cut", ["", "revoked", "blocked"])
async def test_a_fetch_is_decided_alike_whatever_is_at_hand(
    happens: Callable[[World], None], cut: str
) -> None:
    decisions = [await decided(happens, cut, kept=kept, known=known) for kept, known in WAYS]
    assert [told(decision) for decision in decisions] == [told(decisions[0])] * len(WAYS)


async def decided(happens: Callable[[World], None], cut: str, *, kept: bool, known: bool) -> Decision:
    """What a running server's gate decides after something happened."""
    world = World(policies=FakePolicies(kept=kept), base=FakeBase(known=known))
    session = await started(world)
    now = world.clock.now()
    if cut == "revoked":
        await world.store.revoke(session.session_id or "", Revocation(at=now, by="carol", reason="INC-42"))
    elif cut == "blocked":
        await world.store.block(
            Block(key=BlockKey(scope=Scope.EVERYONE), at=now, by="carol", reason="INC-42")
        )
    happens(world)
    found = await Gate(world.sources).decision(world.seat)
    await session.close()
    return found


def told(decision: Decision) -> tuple[object, ...]:
    """What makes two decisions one; errors are equal to themselves alone."""
    if isinstance(decision, Allow):
        return (decision,)
    error = decision.error
    return type(decision), decision.basis, decision.opening, type(error), error.message, error.hint


async def test_what_is_at_hand_is_looked_at_anew_by_every_fetch() -> None:
    world = World()
    session = await started(world)
    for number, (kept, known) in enumerate(WAYS * 2):
        world.policies.kept, world.base.known = kept, known
        loads, asked = world.policies.loads, world.base.asked
        await session.fetch()
        assert world.policies.loads > loads, number
        assert world.base.asked > asked, number
    assert world.policies.names == {"prod"}
    await session.close()


@dataclass(slots=True, kw_only=True)
class BrokenPolicies(FakePolicies):
    """Policies that, once `broken`, break when they are asked for at once, and `wholly` when waited for."""

    wholly: bool
    broken: bool = False

    async def load(self, profile: str) -> LoadedPolicy:
        if self.broken and self.wholly:
            raise ValueError("a defect")
        return self.policy

    def at_hand(self, profile: str) -> LoadedPolicy | None:
        if self.broken:
            raise ValueError("a defect")
        return self.policy


@pytest.mark.parametrize("wholly", [True, False])
async def test_what_breaks_at_hand_is_waited_for_and_told_there(wholly: bool) -> None:
    policies = BrokenPolicies(wholly=wholly)
    world = World(policies=policies)
    session = await started(world)
    policies.broken = True
    decision = await Gate(world.sources).decision(world.seat)
    assert isinstance(decision, Allow) is not wholly
    if not isinstance(decision, Allow):
        assert isinstance(decision.error, PolicyUnavailable)
        assert world.audit.events[-1].code == "PolicyUnavailable"
    await session.close()


@pytest.mark.parametrize(("kept", "known"), WAYS)
async def test_what_has_to_be_waited_for_is_waited_for_at_the_same_time(kept: bool, known: bool) -> None:
    meeting = Meeting(wanted=1 + (not kept) + (not known))
    world = World(policies=SlowPolicies(meeting=meeting), base=SlowBase(meeting=meeting))
    session = await started(world)
    world.policies.kept, world.base.known = kept, known
    world.seat.reader, meeting.open = SlowReader(world.store, meeting), True
    assert await asyncio.wait_for(session.fetch(), 5)
    assert meeting.come == meeting.wanted
    await session.close()


@pytest.mark.parametrize(("kept", "known"), WAYS)
async def test_a_fetch_that_is_given_up_leaves_nothing_running(kept: bool, known: bool) -> None:
    meeting = Meeting(wanted=9)
    world = World(policies=SlowPolicies(meeting=meeting), base=SlowBase(meeting=meeting))
    session = await started(world)
    world.policies.kept, world.base.known = kept, known
    world.seat.reader, meeting.open = SlowReader(world.store, meeting), True
    fetch = asyncio.ensure_future(session.fetch())
    await until(lambda: meeting.come == 1 + (not kept) + (not known))
    await session.close()
    with suppress(SentinelError):
        await fetch
    await until(lambda: meeting.here == 0)


@dataclass
class Meeting:
    """Where each waits until as many as are wanted have come; nobody waits before it is `open`."""

    wanted: int
    open: bool = False
    come: int = 0
    here: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self) -> None:
        if not self.open:
            return
        self.come += 1
        self.here += 1
        if self.come == self.wanted:
            self.full.set()
        try:
            await self.full.wait()
        finally:
            self.here -= 1


@dataclass(slots=True, kw_only=True)
class SlowPolicies(FakePolicies):
    """Policies that have to be waited for, unless they are kept."""

    meeting: Meeting

    async def load(self, profile: str) -> LoadedPolicy:
        if not self.kept:
            await self.meeting.join()
        return self.policy


@dataclass(slots=True, kw_only=True)
class SlowBase(FakeBase):
    """Base credentials whose owner has to be waited for, unless it is known."""

    meeting: Meeting

    async def principal(self) -> Principal:
        if not self.known:
            await self.meeting.join()
        return self.who


@dataclass
class SlowReader:
    """A store's reader that has to be waited for."""

    store: SessionStore
    meeting: Meeting

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        await self.meeting.join()
        return await self.store.standing(session_id, keys, refs)


class Broken:
    """A reader whose store is down."""

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        raise StoreUnavailable("down")
