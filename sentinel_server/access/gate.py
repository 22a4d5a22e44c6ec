"""The gate. `Gate.issue` is the only function that obtains credentials; every door calls it.

It gathers the facts, takes the pure decision, records it, and only on `Allow` asks AWS. An `intent` line is
on disk before STS is asked and an `outcome` line before the new secret leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar, assert_never

from sentinel_server.access.decide import decide
from sentinel_server.access.facts import Allow, Decision, Deny, Facts, NeedsApproval, Sought
from sentinel_server.access.mint import Mint, fingerprint
from sentinel_server.access.rounds import Count
from sentinel_server.access.seat import DIRECT, Issued, Seat, Sources
from sentinel_server.access.seeking import Seeker
from sentinel_server.access.tables import table_of
from sentinel_server.auditlog.event import Action
from sentinel_server.clock import MAX_SKEW
from sentinel_server.credentials.cache import Fingerprint, Minted
from sentinel_server.errors import (
    ClockSkewed,
    IdentityUnavailable,
    PolicyUnavailable,
    SentinelError,
    StoreUnavailable,
    TooLate,
    Unverifiable,
)
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.schema import LoadedPolicy
from sentinel_server.records.model import Ref
from sentinel_server.sessions.model import Standing, block_keys
from sentinel_server.sessions.store import StoreRef

T = TypeVar("T")

PATIENCE = timedelta(milliseconds=650)
"""How long one fact may take inside a fetch: the answer itself must leave within 800 ms."""
_NOWHERE = StoreRef(url="no store", shared=False)


def one() -> int:
    """An ask that is answered by itself."""
    return 1


class Gate:
    """Decides and issues. One for all doors of a process."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._clock = sources.clock
        self._seeker = _seeker(sources)

    async def issue(self, seat: Seat, *, patience: timedelta = PATIENCE) -> Issued:
        """Credentials for `seat`, if everything that is known now allows them.

        Raises the refusal otherwise, and AuditUnavailable when a mandatory log cannot be written.
        """
        decision = await self.decision(seat, patience=patience)
        match decision:
            case Allow():
                return await self.fulfil(seat, decision)
            case Deny() | NeedsApproval():
                raise decision.error
            case _:
                assert_never(decision)

    async def decision(self, seat: Seat, *, patience: timedelta = PATIENCE, asks: Count = one) -> Decision:
        """The decision, recorded when it is a refusal; a lapsed session of ours is revived on the way.

        `asks` tells how many asks it answers.
        """
        within = patience.total_seconds()
        facts, decision = await self._decided(seat, within)
        if isinstance(decision, Allow):
            decision = await self._begun(seat, facts, decision, within)
        if not isinstance(decision, Allow):
            if not isinstance(decision.error, Unverifiable):
                seat.cache.invalidate()
            await seat.journal.refused(decision, asks())
        return decision

    async def _decided(self, seat: Seat, within: float) -> tuple[Facts, Decision]:
        """The decision on what is known, and on what more there is to know before it can be a refusal."""
        facts, decision = await self._known(seat, within)
        for _ in range(2):  # a beat of ours that slept, too, may land in between the first time
            if not (isinstance(decision, Deny) and decision.revivable):
                break
            await self._revive(seat, facts)  # or somebody who came at the same time has
            facts, decision = await self._known(seat, within)
        principal = facts.principal
        if isinstance(decision, Allow) or self._seeker is None or isinstance(principal, SentinelError):
            return facts, decision
        if not self._seeker.due(seat, decision, facts.sought):
            return facts, decision
        trouble = await self._seeker.search(seat, principal, decision.opening, within)
        facts = await self._gather(seat, within)
        if trouble is not None:
            facts = replace(facts, sought=replace(facts.sought, trouble=trouble))
        return facts, decide(facts, self._clock.now())

    async def _known(self, seat: Seat, within: float) -> tuple[Facts, Decision]:
        facts = await self._gather(seat, within)
        return facts, decide(facts, self._clock.now())

    async def _begun(self, seat: Seat, facts: Facts, allow: Allow, within: float) -> Decision:
        """From here on the seat looks only at what lifted its refusal.

        The first use of an approval is written down before it. Whoever loses to another that wrote it at the
        same time decides once more.
        """
        for _ in range(2):
            seat.under = allow.override_id or DIRECT
            if allow.lift is None or self._seeker is None:
                seat.refs = ()
                return allow
            used = allow.lift.id
            seat.sought_at, seat.refs = None, tuple(ref for ref in facts.sought.refs if ref.key == used)
            if not allow.lift.begins:
                return allow
            first = await self._seeker.begin(used, facts.sought)
            if isinstance(first, SentinelError):
                return Deny(error=first, basis=allow.basis)
            if first:
                await seat.journal.write(seat.journal.line(Action.REQUEST_STARTED, allow))
            facts, decision = await self._known(seat, within)
            if not isinstance(decision, Allow):
                return decision
            allow = decision
        return Deny(
            error=StoreUnavailable("the first use of an approval is not to be seen"), basis=allow.basis
        )

    # ---- facts

    async def _gather(self, seat: Seat, patience: float) -> Facts:
        refs = seat.refs  # those of others that decide at the same time may come to be other ones
        policy, principal, standing = await self._read(seat, refs, patience)
        sought = Sought()
        if self._seeker is not None and refs:
            sought = await self._seeker.sought(standing, refs, patience)
        return Facts(
            ask=seat.ask,
            target=seat.target,
            principal=principal,
            policy=policy,
            standing=standing,
            store=_NOWHERE if seat.store is None else seat.store.ref,
            skew=self._clock.skew(),
            session_id=seat.session_id,
            instance_id=seat.instance_id,
            starting=seat.starting,
            started_as=seat.started_as,
            lapse_after=self._sources.rules.lapse_after,
            enforce_lease=self._sources.rules.enforce_lease,
            sought=sought,
        )

    async def _read(
        self, seat: Seat, refs: Sequence[Ref], patience: float
    ) -> tuple[LoadedPolicy | SentinelError, Principal | SentinelError, Standing | SentinelError]:
        """Policy, principal and what the store says; what has to be waited for, at the same time."""
        if seat.reader is None or seat.person is None:
            policy, principal = await self._policy_and_principal(seat, patience)
            return policy, principal, await self._first_standing(seat, principal, policy, refs, patience)
        kept, known = self._at_hand(seat)
        if kept is not None and known is not None:
            return kept, known, await self._standing(seat, seat.person, refs, patience)
        settling = self._policy_and_principal(seat, patience)
        # Begun last: what the others know already they say before a store's thread competes with them.
        early = asyncio.ensure_future(self._standing(seat, seat.person, refs, patience))
        try:
            policy, principal = await settling
            return policy, principal, await early
        finally:
            early.cancel()  # does nothing, unless we are given up ourselves

    def _at_hand(self, seat: Seat) -> tuple[LoadedPolicy | None, Principal | None]:
        try:
            return self._sources.policies.at_hand(seat.ask.profile), self._sources.base.at_hand()
        except Exception:  # whatever it is, who waits for it is told, and refuses
            return None, None

    def _policy_and_principal(
        self, seat: Seat, patience: float
    ) -> asyncio.Future[tuple[LoadedPolicy | SentinelError, Principal | SentinelError]]:
        return asyncio.gather(
            _settled(lambda: self._sources.policies.load(seat.ask.profile), patience, PolicyUnavailable),
            _settled(self._sources.base.principal, patience, IdentityUnavailable),
        )

    async def _first_standing(
        self,
        seat: Seat,
        principal: Principal | SentinelError,
        policy: LoadedPolicy | SentinelError,
        refs: Sequence[Ref],
        patience: float,
    ) -> Standing | SentinelError:
        """The store can be named by the rule and the blocks by the person, so both are settled first."""
        if isinstance(principal, SentinelError):
            return principal
        if isinstance(policy, SentinelError):
            return policy
        person = self._sources.rules.persons.key(principal)
        table = table_of(seat.ask, principal, policy, self._clock.now())
        if seat.store is None or seat.table != table:
            opened = await _settled(lambda: self._sources.open_store(table), patience, StoreUnavailable)
            if isinstance(opened, SentinelError):
                return opened
            seat.store, seat.table = opened, table
        seat.reader, seat.person, seat.own_person = seat.store, person, principal.person
        seat.journal.know(person=person, principal=principal.arn)
        return await self._standing(seat, person, refs, patience)

    async def _standing(
        self, seat: Seat, person: str, refs: Sequence[Ref], patience: float
    ) -> Standing | SentinelError:
        if seat.reader is None:
            return StoreUnavailable("the session store is not open")
        keys = block_keys(person, seat.ask.profile, own=seat.own_person)
        look = partial(seat.reader.standing, seat.session_id, keys, refs)
        return await _settled(look, patience, StoreUnavailable)

    async def _revive(self, seat: Seat, facts: Facts) -> None:
        """Bring back our own session after a sleep, when all else allows it."""
        store, session_id, instance = seat.store, seat.session_id, seat.instance_id
        if store is None or session_id is None or instance is None:
            return
        if isinstance(facts.standing, SentinelError) or facts.standing.session is None:
            return
        seen, now = facts.standing.session.heartbeat_at, self._clock.now()
        seat.sign(now)
        try:
            revived = await store.revive(session_id, instance, seen, now)
        except SentinelError:
            return
        if revived:
            await seat.journal.write(seat.journal.line(Action.SESSION_REVIVED))

    # ---- credentials

    async def fulfil(self, seat: Seat, allow: Allow) -> Issued:
        """What `allow` allows, from what is kept or else from AWS. Raises what refused."""
        key = fingerprint(seat.target, allow)
        minted = self._kept(seat, allow, key)
        if minted is None:
            minted = await self._minted(seat, allow, key)
        return await self._served(seat, allow, minted, one)

    async def fulfil_kept(self, seat: Seat, allow: Allow, asks: Count) -> Issued | None:
        """What `allow` allows to several asks at once, None when AWS would have to be asked first."""
        minted = self._kept(seat, allow, fingerprint(seat.target, allow))
        return None if minted is None else await self._served(seat, allow, minted, asks)

    def _kept(self, seat: Seat, allow: Allow, key: Fingerprint) -> Minted | None:
        minted = seat.cache.get(key)
        if minted is not None and seat.cache.due(minted):
            seat.cache.renew(key, Mint(self._sources, seat, allow, key).make)
        return minted

    async def _minted(self, seat: Seat, allow: Allow, key: Fingerprint) -> Minted:
        try:
            return await seat.cache.mint(key, Mint(self._sources, seat, allow, key).make)
        except SentinelError as error:
            await seat.journal.refused(Deny(error=error, basis=allow.basis))
            raise

    def _overtaken(self, seat: Seat, allow: Allow) -> SentinelError | None:
        if seat.under not in (None, allow.override_id or DIRECT):
            return TooLate("what lifts the refusal changed while this was under way")
        if abs(self._clock.skew()) > MAX_SKEW:
            return ClockSkewed("this machine's clock is too far away from AWS's")
        return None

    async def _served(self, seat: Seat, allow: Allow, minted: Minted, asks: Count) -> Issued:
        error = self._overtaken(seat, allow)
        if error is not None:
            await seat.journal.refused(Deny(error=error, basis=allow.basis), asks())
            raise error
        await seat.journal.served(allow, minted.issue_id, asks())
        return Issued(
            credentials=minted.credentials,
            expires_at=_reported(allow, minted, self._clock.now()),
            until=minted.credentials.expires_at or minted.life_end,
            issue_id=minted.issue_id,
            allow=allow,
        )


def _seeker(sources: Sources) -> Seeker | None:
    if sources.workflows is None:
        return None
    return Seeker(sources.workflows, sources.rules.persons, sources.clock)


def _reported(allow: Allow, minted: Minted, now: datetime) -> datetime:
    ends = [minted.life_end]
    if allow.ends_at is not None:
        ends.append(allow.ends_at)
    if allow.lease.seconds is not None:
        ends.append(now + timedelta(seconds=allow.lease.seconds))
    return min(ends).replace(microsecond=0)


async def _settled(
    ask: Callable[[], Awaitable[T]], patience: float, late: type[SentinelError]
) -> T | SentinelError:
    """What is asked for, or the error that kept it from us; whatever else goes wrong is one, too."""
    try:
        async with asyncio.timeout(patience):
            return await ask()
    except SentinelError as error:
        return error
    except TimeoutError:
        return late(f"no answer within {int(patience * 1000)} ms")
    except Exception as error:
        return late(f"an unexpected {type(error).__name__} came instead of an answer")
