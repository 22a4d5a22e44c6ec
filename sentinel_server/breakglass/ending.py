"""Ending emergencies: closed by their invoker or by those who oversee them, over by themselves, and reviewed.

An emergency ends once: each of these is one change of one row, and what has ended stays as it ended. It is
decided on the version of the row, and when somebody keeps changing that, only on not being there yet. It
takes effect at the gate at once; the sessions that it opened are revoked as well, so that nothing of it is
revived.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from sentinel_server.breakglass.aging import age
from sentinel_server.breakglass.deeds import Deed, Done, tell_all
from sentinel_server.breakglass.model import Closing, Emergency, EventState, Review
from sentinel_server.breakglass.opening import CONTENTION, Desk
from sentinel_server.breakglass.rows import (
    CLOSED,
    CUT,
    ENDED,
    Values,
    closed,
    event_ref,
    expired,
    noted,
    parse_event_id,
    read_event,
    reviewed,
)
from sentinel_server.breakglass.rules import is_invoker, may_oversee
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import (
    BadInput,
    BreakGlassRefused,
    EmergencyOver,
    NotFound,
    SentinelError,
    StoreRefused,
    StoreUnavailable,
)
from sentinel_server.frozen import frozen
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.notifications.event import SYSTEM, EventType
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.records.model import Change, Lacking, Ledger, Row, Search
from sentinel_server.records.store import HURRY, Records

COMMENT = 1000
"""Characters of a reason or a comment, at most."""
_PAGE = 100

Overseers = BreakGlassPolicy | SentinelError | None
"""The policy that names who oversees emergencies; None when there is none, an error when nobody can tell."""


@frozen
class Actor:
    """Who acts on an emergency. `also` are further principals that are surely the same person here and now:
    one may reach the store as somebody else than one reached the profile.
    """

    principal: Principal
    persons: Persons
    also: tuple[Principal, ...] = ()
    home_account: str | None = None

    @property
    def person(self) -> str:
        """The key under which the deed is written down."""
        return self.persons.key(self.principal)

    def opened(self, event: Emergency) -> bool:
        """Whether they are its invoker. Raises StoreUnavailable when the row does not say whose it is."""
        return any(is_invoker(event, each, self.persons) for each in (self.principal, *self.also))

    def owns(self, event: Emergency) -> bool:
        """The same, where a row that does not say whose it is is nobody's own."""
        try:
            return self.opened(event)
        except StoreUnavailable:
            return False

    def oversees(self, event: Emergency, policy: Overseers) -> bool:
        """Whether the policy lets them close and review it, when it is somebody else's. Raises what kept the
        policy from being read.
        """
        if isinstance(policy, SentinelError):
            raise policy
        return policy is None or may_oversee(policy, self.principal, event.profile, self.home_account)


async def read_one(records: Records, event_id: str) -> tuple[Emergency, Row]:
    """An emergency and its row. Raises InvalidIdentifier, NotFound, StoreUnavailable."""
    ref = event_ref(parse_event_id(event_id))
    row = (await records.get((ref,))).get(ref)
    if row is None:
        raise NotFound(f"there is no emergency {event_id}", hint="list them: sentinel breakglass-list")
    return read_event(row), row


async def close(desk: Desk, event_id: str, actor: Actor, reason: str, policy: Overseers) -> Done:
    """Close an emergency before its end. Its invoker needs no policy for that.

    Raises BadInput, NotFound, BreakGlassRefused for others than its invoker and those who oversee it,
    EmergencyOver, StoreUnavailable.
    """
    reason = _said(reason, "a reason")
    hows: Sequence[str] = ()
    for attempt in range(1, CONTENTION + 1):
        event, row = await read_one(desk.records, event_id)
        own = actor.owns(event)
        if not own and not actor.oversees(event, policy):
            raise _not_yours(event, "close")
        hows = hows or ((ENDED,) if own else (CUT, CLOSED))
        now = desk.clock.now()
        if event.state(now) is not EventState.ACTIVE:
            raise EmergencyOver(f"emergency {event.id} {_how_it_ended(event)}", hint=_look_at(event))
        closing = Closing(at=now, by=actor.person, reason=reason)
        after = replace(event, closing=closing, version=event.version + 1)
        deed = Deed(type=EventType.BREAKGLASS_CLOSED, event=after, at=now, by=actor.person, comment=reason)
        unless = Lacking((f"{hows[0]}_at",)) if attempt > HURRY else None
        try:
            done = await _change(desk, row, closed(closing, hows[0]), deed, unless)
        except StoreRefused:
            if len(hows) == 1:
                raise
            hows = hows[1:]
            continue
        if done is not None:
            return done
        await desk.rest(attempt)
    raise _contended(event_id)


async def review(
    desk: Desk,
    event_id: str,
    actor: Actor,
    *,
    justified: bool,
    comment: str,
    policy: Overseers,
) -> Done:
    """Say of an emergency that is over whether it was justified. Once, and never by its invoker.

    Raises BadInput, NotFound, BreakGlassRefused, EmergencyOver while it is open or when it was reviewed
    before, StoreUnavailable.
    """
    comment = _said(comment, "a comment")
    for attempt in range(1, CONTENTION + 1):
        event, row = await read_one(desk.records, event_id)
        now = desk.clock.now()
        _check_reviewer(event, actor, policy)
        _check_reviewable(event, now)
        found = Review(at=now, by=actor.person, justified=justified, comment=comment)
        after = replace(event, review=found, version=event.version + 1)
        deed = Deed(type=EventType.BREAKGLASS_REVIEWED, event=after, at=now, by=actor.person, comment=comment)
        unless = Lacking(("reviewed_at",)) if attempt > HURRY else None
        if (done := await _change(desk, row, reviewed(found), deed, unless)) is not None:
            return done
        await desk.rest(attempt)
    raise _contended(event_id)


async def note_end(desk: Desk, row: Row) -> Done | None:
    """Write down that an emergency is over, and tell of it; None when there is nothing to note, or somebody
    else was quicker. Raises StoreUnavailable.
    """
    event, now = read_event(row), desk.clock.now()
    if event.state(now) is not EventState.EXPIRED or noted(row) != EventState.ACTIVE.value:
        return None
    after = replace(event, version=event.version + 1)
    deed = Deed(type=EventType.BREAKGLASS_EXPIRED, event=after, at=now, by=SYSTEM)
    return await _change(desk, row, expired(), deed)


async def sweep(desk: Desk) -> AsyncIterator[Done | SentinelError]:
    """Note the end of every emergency that is over, oldest first, and let those that were reviewed age; an
    error for each where that could not be done.

    Raises StoreUnavailable when the search itself breaks off.
    """
    search = Search(ledger=Ledger.BREAKGLASS, by="status", value=EventState.ACTIVE.value, newest_first=False)
    token: str | None = None
    while True:
        found = await desk.records.find(search, _PAGE, token)
        for row in found.rows:
            try:
                done = await note_end(desk, row)
            except SentinelError as error:
                yield error
            else:
                if done is not None:
                    yield done
        token = found.next_token
        if token is None:
            break
    async for failed in age(desk.records, desk.clock.now()):
        yield failed


def _check_reviewer(event: Emergency, actor: Actor, policy: Overseers) -> None:
    if actor.opened(event):
        raise BreakGlassRefused(
            f"emergency {event.id} is your own, because the credentials of this machine are those of "
            f"{event.person}, who opened it; somebody else has to review it",
            hint=f"they run, with credentials of theirs: {_review(event)}",
        )
    if policy is None:
        raise BreakGlassRefused(
            f"there is no break-glass policy, so nobody is named to review emergency {event.id}",
            hint="see where it is looked for: sentinel config show",
        )
    if not actor.oversees(event, policy):
        raise _not_yours(event, "review")


def _check_reviewable(event: Emergency, now: datetime) -> None:
    if not event.intact:
        raise EmergencyOver(
            f"emergency {event.id} is not what was opened: somebody changed what it says, and nobody can "
            "review that",
            hint=f"see what was opened: sentinel audit search --request {event.id}",
        )
    if event.review is not None:
        done = event.review
        raise EmergencyOver(
            f"emergency {event.id} was reviewed at {whole_seconds(done.at)} by {done.by}",
            hint=_look_at(event),
        )
    if event.state(now) is EventState.ACTIVE:
        raise EmergencyOver(
            f"emergency {event.id} is open until {whole_seconds(event.ends_at)}, and is reviewed afterwards",
            hint=f"close it first: sentinel breakglass-close {event.id} --reason WHY",
        )


async def _change(
    desk: Desk, row: Row, values: Values, deed: Deed, unless: Lacking | None = None
) -> Done | None:
    outbox = tell_all((deed,), desk.ids)
    change = Change(ref=row.ref, seen=unless or row.version, set=values)
    if not await desk.records.commit((change, *outbox.values())):
        return None
    return Done(event=deed.event, deeds=(deed,), deliveries=tuple(outbox))


def _how_it_ended(event: Emergency) -> str:
    if event.closing is None:
        return f"ended at {whole_seconds(event.ends_at)}"
    return f"was closed at {whole_seconds(event.closing.at)} by {event.closing.by}: {event.closing.reason}"


def _said(text: str, what: str) -> str:
    said = " ".join(text.split())
    if not said.isprintable():
        raise BadInput(f"{what} has a control character or one that does not show")
    if not said or len(said) > COMMENT:
        raise BadInput(f"{what} of 1 to {COMMENT} characters is wanted")
    return said


def _review(event: Emergency) -> str:
    return f"sentinel breakglass-review {event.id} --justified --comment WHAT"


def _look_at(event: Emergency) -> str:
    return f"look at it: sentinel breakglass-check {event.id}"


def _not_yours(event: Emergency, do: str) -> BreakGlassRefused:
    command = f"sentinel breakglass-close {event.id} --reason WHY" if do == "close" else _review(event)
    return BreakGlassRefused(
        f"emergency {event.id} is {event.user}'s, and the break-glass policy does not name you to {do} it",
        hint=f"a reviewer of the rule for its profile runs: {command}",
    )


def _contended(event_id: str) -> StoreUnavailable:
    return StoreUnavailable(f"emergency {event_id} was changed by others, {CONTENTION} times in a row")
