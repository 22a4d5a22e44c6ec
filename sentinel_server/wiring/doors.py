"""A door: its place at the gate, its loopback server, and the files of its child."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock, SystemIds
from sentinel_server.frozen import frozen
from sentinel_server.wiring.audits import Sending, open_audit
from sentinel_server.wiring.policies import Reading, policy_source, side_source
from sentinel_server.wiring.principals import (
    Visitor,
    attended_by,
    load_profile,
    open_base,
    open_control,
)
from sentinel_server.wiring.requests import vote_check
from sentinel_server.wiring.stores import StoreOpener

if TYPE_CHECKING:
    from sentinel_server.access.facts import Ask
    from sentinel_server.access.gate import Gate
    from sentinel_server.access.seat import Seat, Sources
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.adapters.local.child_files import ChildFiles
    from sentinel_server.auditlog.sink import AuditSink
    from sentinel_server.clock import Clock
    from sentinel_server.credentials.profiles import Profile
    from sentinel_server.secret import Secret
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.web.door import Door as WebDoor
    from sentinel_server.web.door import Witness
    from sentinel_server.web.run import LoopbackServer
    from sentinel_server.wiring.entrance import Entrance


@frozen
class Door:
    """One open door: what it issues for, and its place at the gate."""

    profile: Profile
    region: str | None
    environ: Mapping[str, str]
    gate: Gate
    sources: Sources
    seat: Seat


@asynccontextmanager
async def open_door(
    settings: Settings, ask: Ask, visitor: Visitor, clock: SystemClock | None = None
) -> AsyncIterator[Door]:
    """A place at the gate for `ask`; everything it opened is closed at the end. `clock` is its own.

    Raises UnknownProfile, InvalidSetting and LoginRequired before anything is asked of AWS.
    """
    from sentinel_server.access.gate import Gate
    from sentinel_server.access.seat import Rules, Sources, Workflows
    from sentinel_server.adapters.aws.sts import StsAssumer
    from sentinel_server.credentials.endpoints import region_of
    from sentinel_server.policy.schema import Mode

    async with AsyncExitStack() as stack:
        clock = clock or SystemClock()
        stack.enter_context(attended_by(visitor))
        base = await open_base(stack, settings, ask.profile, clock, visitor)
        await base.prepare()
        profile = load_profile(settings, ask.profile)
        region = settings.region or region_of(profile, settings.environ)
        control = await open_control(stack, settings, base, profile, clock)
        reading = Reading(
            stack=stack, settings=settings, control=control, region=region, clock=clock, say=visitor.say
        )
        opener = StoreOpener(stack, settings, control, region, clock)
        roles = StsAssumer(base.sts, base, clock)
        stack.push_async_callback(roles.close)
        sources = Sources(
            policies=await policy_source(reading),
            base=base,
            roles=roles,
            open_store=opener,
            audit=await _opened_audit(stack, settings, ask, control, clock, visitor),
            clock=clock,
            ids=SystemIds(),
            rules=Rules(
                lapse_after=settings.lapse_after,
                enforce_lease=settings.enforce_lease,
                session_tags=settings.session_tags,
                persons=settings.persons,
            ),
            workflows=Workflows(
                open_records=opener.ledgers,
                sides=side_source(reading),
                check=await vote_check(settings, clock),
            ),
        )
        if ask.mode is Mode.SERVER:
            await stack.enter_async_context(_looked_after(base, ask.profile, clock, visitor))
        seat = _seat(sources, ask, profile, visitor)
        yield Door(
            profile=profile,
            region=region,
            environ=settings.environ,
            gate=Gate(sources),
            sources=sources,
            seat=seat,
        )


@asynccontextmanager
async def _looked_after(base: BotoBase, profile: str, clock: Clock, visitor: Visitor) -> AsyncIterator[None]:
    """While the body runs, the base credentials are looked after."""
    import asyncio

    from sentinel_server.credentials.keeping import keep

    keeping = asyncio.create_task(keep(base, profile, clock, visitor.say))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def load_door() -> None:
    """Import what `open_door` and `loopback` would, which takes most of their time; for a thread."""
    import sentinel_server.adapters.aws.base
    import sentinel_server.adapters.aws.sts  # noqa: F401

    load_server()


def load_server() -> None:
    """Import what `loopback` would; for a thread, while AWS is asked."""
    import sentinel_server.web.run  # noqa: F401


def loopback(
    settings: Settings, entrance: Entrance, door: WebDoor, witness: Witness, clock: Clock
) -> LoopbackServer:
    """The loopback server at an entrance, not yet started; when it stops, another may take its place."""
    from sentinel_server.web.namespaces import owner_anywhere
    from sentinel_server.web.options import LOOPBACK
    from sentinel_server.web.peer import owner, same_user_at
    from sentinel_server.web.run import LoopbackServer

    lookup = owner if settings.listen == LOOPBACK else owner_anywhere
    ours = partial(same_user_at, allowed=settings.allow_uid, lookup=lookup)
    return LoopbackServer(
        door, witness, entrance.options, clock=clock, same_user=ours, listener=entrance.listener.dup()
    )


async def sign_in(door: Door, usual: str, session: Secret) -> tuple[str, Secret]:
    """The sign-in service that is asked, `usual` or the profile's own, and its token for the session.

    Raises UpstreamFailed.
    """
    from sentinel_server.adapters.http.sign_in import sign_in_token
    from sentinel_server.credentials.endpoints import endpoint_of

    where = (endpoint_of("signin", door.profile, door.environ) or usual).rstrip("/")
    return where, await sign_in_token(where, session)


def child_files(settings: Settings, config: str) -> ChildFiles:
    """The AWS files of a child that outlives us. Raises InvalidSetting."""
    from sentinel_server.adapters.local.child_files import child_files

    return child_files(settings.directories.state, config)


async def _opened_audit(
    stack: AsyncExitStack,
    settings: Settings,
    ask: Ask,
    control: BotoBase,
    clock: SystemClock,
    visitor: Visitor,
) -> AuditSink:
    """The audit log. Only a server sends it on: whoever waits for one answer waits for that alone."""
    from sentinel_server.policy.schema import Mode

    sending = Sending.MEANWHILE if ask.mode is Mode.SERVER else Sending.LATER
    opening = open_audit(settings, clock=clock, say=visitor.say, control=control, sending=sending)
    return await stack.enter_async_context(opening)


def _seat(sources: Sources, ask: Ask, profile: Profile, visitor: Visitor) -> Seat:
    from sentinel_server.access.facts import Target
    from sentinel_server.access.journal import Journal
    from sentinel_server.access.seat import Seat
    from sentinel_server.auditlog.event import Action, AuditEvent
    from sentinel_server.credentials.cache import MintCache

    about = AuditEvent(action=Action.SERVED, at=sources.clock.now(), profile=ask.profile, mode=ask.mode.value)
    seconds = None if profile.duration is None else int(profile.duration.total_seconds())
    return Seat(
        ask=ask,
        target=Target(role_arn=profile.assumes, external_id=profile.external_id, duration_seconds=seconds),
        journal=Journal(sources.audit, sources.clock, about, visitor.told),
        cache=MintCache(sources.clock),
        instance_id=sources.ids.fresh(),
    )
