"""Breaking the glass: who and for what is judged by policy, how often by what is remembered, and both are
written in one commit with the event. Whoever loses a race reads again and is judged again.

When the store does not answer, nothing is opened: the gate could not look at the event either. When the
rate-limit policy alone cannot be read, an emergency does not wait for it: it is opened, a second factor is
required whatever the rule says, and it is escalated.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from shlex import quote

from sentinel_server.breakglass.deeds import Deed, Done, tell_all
from sentinel_server.breakglass.limits import Clear, Limited, judge
from sentinel_server.breakglass.model import Emergency, MfaEvidence, sealed
from sentinel_server.breakglass.rows import event_ref, opened
from sentinel_server.breakglass.rules import (
    TICKET,
    Forbidden,
    Permitted,
    Wanted,
    may_open,
    satisfies,
    wants_ticket,
)
from sentinel_server.breakglass.tally import Tally, keys, read_tally
from sentinel_server.clock import Clock, Ids
from sentinel_server.errors import BadInput, BreakGlassRefused, MfaRequired, SentinelError, StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.notifications.event import EventType
from sentinel_server.policy.breakglass import BreakGlassPolicy, MfaRequirement
from sentinel_server.policy.ratelimit import RateLimitPolicy
from sentinel_server.records.model import Change
from sentinel_server.records.store import Records

JUSTIFICATION = (20, 1000)
"""Characters of a justification, at least and at most, without space around it."""
CONTENTION = 100
"""Times that others may be quicker before we give up; each of theirs was an emergency that was opened."""

Rest = Callable[[int], Awaitable[None]]
"""Waits a little before another try; it is given how many there were."""


@frozen
class Rulebook:
    """The policies in force. No break-glass policy lets nobody in, no rate-limit policy limits nothing; one
    that could not be read is the error that says so.
    """

    breakglass: BreakGlassPolicy | None
    limits: RateLimitPolicy | SentinelError | None = None


@frozen
class Call:
    """What the invoker says. `person` is the key of `wanted.principal`'s person, as the gate has it."""

    wanted: Wanted
    person: str
    justification: str
    ticket: str = ""
    drill: bool = False


@frozen
class Desk:
    """What opening needs of the world."""

    records: Records
    clock: Clock
    ids: Ids
    rest: Rest


def checked(call: Call) -> Call:
    """The call when its words are of a length that says something. Raises BadInput."""
    low, high = JUSTIFICATION
    text = " ".join(call.justification.split())
    if not low <= len(text) <= high:
        raise BadInput(
            f"the justification has {len(text)} characters, and {low} to {high} are wanted",
            hint="say what is broken and what you are about to do: --justification WHY",
        )
    if not text.isprintable():
        raise BadInput("the justification has a control character or one that does not show")
    if len(call.ticket) > TICKET or not call.ticket.isprintable():
        raise BadInput(f"a ticket has at most {TICKET} printable characters")
    return call


def permit(call: Call, rules: Rulebook, now: datetime) -> Permitted:
    """The rule under which it may be opened. Raises BreakGlassRefused, by whichever limit is in the way, and
    BadInput without the ticket that the rule wants.
    """
    if rules.breakglass is None:
        raise BreakGlassRefused(
            "there is no break-glass policy, so nobody may break the glass",
            hint=f"write one: sentinel config generate --template full --profile {quote(call.wanted.profile)}"
            f" --user {quote(call.wanted.principal.name)}",
        )
    verdict = may_open(rules.breakglass, call.wanted, now)
    if isinstance(verdict, Forbidden):
        raise verdict.error
    if why := wants_ticket(verdict.rule, call.ticket):
        raise BadInput(why, hint="name it: --ticket TICKET")
    return verdict


def required(permitted: Permitted, rules: Rulebook) -> MfaRequirement | None:
    """The second factor that has to be shown, None when none has."""
    unread = isinstance(rules.limits, SentinelError)
    return permitted.mfa or (MfaRequirement() if unread else None)


async def look_ahead(desk: Desk, call: Call, rules: Rulebook) -> Clear:
    """Whether limits would let it be opened now, so that nobody is asked for a code in vain. Raises
    BreakGlassLimited, StoreUnavailable.
    """
    tally = await _tally(desk, call)
    return _clear(tally, call, rules, desk.clock.now())


async def open_glass(desk: Desk, call: Call, rules: Rulebook, mfa: MfaEvidence | None = None) -> Done:
    """Open an emergency, or in a drill the like of one that gives nothing.

    Raises BadInput, BreakGlassRefused, BreakGlassLimited, MfaRequired, and StoreUnavailable.
    """
    checked(call)
    for attempt in range(1, CONTENTION + 1):
        now = desk.clock.now()
        permitted = permit(call, rules, now)
        needed = required(permitted, rules)
        if needed is not None and not satisfies(mfa, needed, now):
            raise MfaRequired(f"break-glass rule '{permitted.rule.name}' wants a second factor")
        tally = await _tally(desk, call)
        clear = _clear(tally, call, rules, now)
        event = _event(call, permitted, mfa, clear, desk.ids.fresh(), now)
        done = await _commit(desk, event, tally)
        if done is not None:
            return done
        await desk.rest(attempt)
    raise StoreUnavailable(f"others opened emergencies at the same time, {CONTENTION} times in a row")


async def _tally(desk: Desk, call: Call) -> Tally:
    persons = (call.person, call.wanted.principal.person)
    return await read_tally(desk.records, keys(persons, call.wanted.profile, drill=call.drill))


def _clear(tally: Tally, call: Call, rules: Rulebook, now: datetime) -> Clear:
    unread = isinstance(rules.limits, SentinelError)
    policy = None if isinstance(rules.limits, SentinelError) else rules.limits
    verdict = judge(tally.past, policy, call.wanted.profile, now)
    if isinstance(verdict, Limited):
        raise verdict.error
    return Clear(escalated=True) if unread else verdict


def _event(
    call: Call, permitted: Permitted, mfa: MfaEvidence | None, clear: Clear, salt: str, now: datetime
) -> Emergency:
    wanted = call.wanted
    event = Emergency(
        id="",
        person=call.person,
        user=wanted.principal.name,
        principal_arn=wanted.principal.arn,
        profile=wanted.profile,
        reason_code=wanted.reason_code,
        justification=" ".join(call.justification.split()),
        created_at=now,
        duration=wanted.duration,
        rule=permitted.rule.name,
        ticket=call.ticket,
        drill=call.drill,
        escalated=clear.escalated,
        mfa=mfa,
        salt=salt,
        version=1,
    )
    return sealed(event)


async def _commit(desk: Desk, event: Emergency, tally: Tally) -> Done | None:
    """What was done; None when something was remembered since `tally` was read, and nothing was written."""
    told = [EventType.BREAKGLASS_OPENED, *([EventType.BREAKGLASS_ESCALATED] if event.escalated else [])]
    deeds = tuple(Deed(type=each, event=event, at=event.created_at, by=event.person) for each in told)
    outbox = tell_all(deeds, desk.ids)
    row = Change(ref=event_ref(event.id), seen=None, set=opened(event))
    if not await _written(desk.records, event, (row, *tally.changes(event), *outbox.values())):
        return None
    return Done(event=event, deeds=deeds, deliveries=tuple(outbox))


async def _written(records: Records, event: Emergency, changes: tuple[Change, ...]) -> bool:
    """Whether the commit was made. One that raised may have been made all the same: the row tells."""
    try:
        return await records.commit(changes)
    except StoreUnavailable as error:
        try:
            row = (await records.get((event_ref(event.id),))).get(event_ref(event.id))
        except StoreUnavailable:
            raise StoreUnavailable(
                f"the store did not say whether emergency {event.id} was opened: {error.message}",
                hint=f"ask it again: sentinel breakglass-check {event.id}",
            ) from error
        if row is None:
            raise
        return True
