"""Emergencies: the desk at which they are opened and ended, and who stands before it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock, SystemIds
from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.settings.locations import DynamoDbLocation
from sentinel_server.wiring.ledgers import LedgerOpener
from sentinel_server.wiring.policies import Reading, open_sides, side_source
from sentinel_server.wiring.principals import (
    Visitor,
    control_name,
    load_profile,
    open_base,
    open_control,
    open_own,
    whoami,
)

if TYPE_CHECKING:
    from sentinel_server.breakglass.ending import Actor
    from sentinel_server.breakglass.model import Emergency
    from sentinel_server.breakglass.opening import Desk, Rulebook
    from sentinel_server.identity.principal import Principal
    from sentinel_server.policy.breakglass import BreakGlassPolicy
    from sentinel_server.policy.sides import SidePolicies
    from sentinel_server.records.store import Records
    from sentinel_server.settings.resolve import Settings

_FIRST_REST, _LONGEST_REST = 0.005, 0.25
"""Seconds to wait before another try at a commit, at most; they double."""


@frozen
class Invocation:
    """Somebody at the desk who wants to break the glass of a profile, known as the gate will know them."""

    desk: Desk
    principal: Principal
    rules: Rulebook
    home_account: str


@asynccontextmanager
async def open_invocation(settings: Settings, profile: str, visitor: Visitor) -> AsyncIterator[Invocation]:
    """The desk, reached as a door of this profile would reach it.

    Raises UnknownProfile, InvalidSetting, LoginRequired, IdentityUnavailable, and PolicyUnavailable when the
    break-glass policy cannot be read.
    """
    from sentinel_server.credentials.endpoints import region_of

    async with AsyncExitStack() as stack:
        clock = SystemClock()
        base = await open_base(stack, settings, profile, clock, visitor)
        await base.prepare()
        target = load_profile(settings, profile)
        region = settings.region or region_of(target, settings.environ)
        control = await open_control(stack, settings, base, target, clock)
        reading = Reading(
            stack=stack, settings=settings, control=control, region=region, clock=clock, say=visitor.say
        )
        records = await LedgerOpener(stack, settings, control, region, clock)()
        principal = await base.principal()
        rules, account = await read_rulebook(side_source(reading))
        yield Invocation(
            desk=_desk(records, clock),
            principal=principal,
            rules=rules,
            home_account=account or principal.account,
        )


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncIterator[Desk]:
    """The desk for those who look at emergencies and end them, with the credentials of operators."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        control = None
        if any(isinstance(where, DynamoDbLocation) for where in settings.ledgers.values()):
            control = await open_own(stack, settings, control_name(settings), clock)
        yield _desk(await LedgerOpener(stack, settings, control, settings.region, clock)(), clock)


async def read_rulebook(sides: SidePolicies) -> tuple[Rulebook, str | None]:
    """The policies in force, and the account the break-glass policy is kept in, when it has one.

    Raises PolicyUnavailable for the break-glass policy alone.
    """
    from sentinel_server.breakglass.opening import Rulebook
    from sentinel_server.policy.ratelimit import RateLimitPolicy
    from sentinel_server.policy.sides import breakglass, ratelimits

    loaded = await breakglass(sides)
    limits: RateLimitPolicy | SentinelError | None
    try:
        found = await ratelimits(sides)
        limits = None if found is None else found.document
    except SentinelError as error:
        limits = error
    if loaded is None:
        return Rulebook(breakglass=None, limits=limits), None
    return Rulebook(breakglass=loaded.document, limits=limits), loaded.account


async def read_overseers(settings: Settings) -> tuple[BreakGlassPolicy | None, str | None]:
    """The break-glass policy in force, which names who oversees, and the account it is kept in.

    Raises PolicyUnavailable.
    """
    from sentinel_server.policy.sides import breakglass

    async with open_sides(settings) as sides:
        loaded = await breakglass(sides)
    return (None, None) if loaded is None else (loaded.document, loaded.account)


async def find_actor(settings: Settings, event: Emergency, home_account: str | None) -> Actor:
    """Who acts on an emergency: the operator, who may also be known by the base of its profile.

    Raises IdentityUnavailable.
    """
    from sentinel_server.breakglass.ending import Actor

    principal = await whoami(settings, None)
    also: tuple[Principal, ...] = ()
    with suppress(SentinelError):  # most who oversee have no such profile, or no login for it
        also = (await whoami(settings, event.profile),)
    return Actor(
        principal=principal,
        persons=settings.persons,
        also=also,
        home_account=home_account or principal.account,
    )


def _desk(records: Records, clock: SystemClock) -> Desk:
    from sentinel_server.breakglass.opening import Desk

    return Desk(records=records, clock=clock, ids=SystemIds(), rest=_rest)


async def _rest(attempt: int) -> None:
    """A moment, longer each time and different for everybody, so that the same two do not meet again."""
    longest = min(_FIRST_REST * 2 ** min(attempt, 10), _LONGEST_REST)
    await asyncio.sleep(longest * secrets.randbelow(1000) / 1000)
