"""What lifts a refusal of policy: an approved request or an open emergency, looked at from scratch each time.

Pure. Which of them may is for policy to say; nothing here is about doors, blocks or revocations, which
nothing lifts. Whatever cannot be read or is not sure lifts nothing, and says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sentinel_server.access.facts import SHUT, Facts, Lift, Opening
from sentinel_server.breakglass import rules as emergencies
from sentinel_server.breakglass.model import Emergency
from sentinel_server.errors import SentinelError
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.identity.source_identity import Marker
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.policy.schema import Override
from sentinel_server.policy.sides import AnySide
from sentinel_server.requests import rules as requests

EITHER = Opening(by=(Marker.APPROVED, Marker.EMERGENCY))
"""For a rule that wants an approval."""
NAMED = Opening(by=(Marker.APPROVED, Marker.EMERGENCY), named=True)
"""For what no rule matches."""

_DENIAL = {
    Override.EMERGENCY: Opening(by=(Marker.EMERGENCY,)),
    Override.APPROVAL: EITHER,
    Override.APPROVAL_ONLY: Opening(by=(Marker.APPROVED,)),
    Override.NONE: SHUT,
}


def opening_of(override: Override) -> Opening:
    """What may lift a rule that denies."""
    return _DENIAL[override]


def lift(facts: Facts, principal: Principal, opening: Opening, now: datetime) -> Lift | tuple[str, ...]:
    """What lifts the refusal, for as long as it goes, or why nothing does: what was wrong with what was
    found.
    """
    reasons: list[str] = []
    for marker in opening.by:
        looked = list(_LOOKS[marker](facts, principal, opening, now))
        lifts = [each for each in looked if isinstance(each, Lift)]
        if lifts:
            return max(lifts, key=lambda each: each.ends_at)
        reasons += [each for each in looked[:1] if isinstance(each, str)]
    trouble = facts.sought.trouble
    if opening.by and trouble is not None:
        reasons.append(f"approvals and emergencies could not be looked at: {trouble.message}")
    return tuple(reasons)


def _approved(facts: Facts, principal: Principal, opening: Opening, now: datetime) -> Iterator[Lift | str]:
    sought, profile = facts.sought, facts.ask.profile
    side = sought.approvals
    if not sought.requests:
        return
    if side is None or isinstance(side, SentinelError) or not isinstance(side.document, ApprovalPolicy):
        yield _no_policy("approval", side)
        return
    home = side.home_of(principal)
    if opening.named and not requests.names(side.document, principal, profile, home):
        yield f"no approval rule names {principal.name} and {profile}"
        return
    for request in sought.requests:
        found = requests.granted(
            request,
            side.document,
            principal=principal,
            profile=profile,
            now=now,
            home_account=home,
            persons=sought.persons,
            check=sought.check,
        )
        if isinstance(found, requests.NotGranted):
            yield f"request {request.id}: {found.why}"
        else:
            yield Lift(marker=Marker.APPROVED, id=request.id, ends_at=found.ends_at, begins=found.must_start)


def _emergency(facts: Facts, principal: Principal, opening: Opening, now: datetime) -> Iterator[Lift | str]:
    sought, profile = facts.sought, facts.ask.profile
    side = sought.breakglass
    if not sought.emergencies:
        return
    if side is None or isinstance(side, SentinelError) or not isinstance(side.document, BreakGlassPolicy):
        yield _no_policy("break-glass", side)
        return
    home = side.home_of(principal)
    if opening.named and not emergencies.names(side.document, principal, profile, home):
        yield f"no break-glass rule names {principal.name} and {profile}"
        return
    for event in sought.emergencies:
        found = emergencies.in_force(
            event,
            side.document,
            person=_as_invoker(event, principal, sought.persons),
            principal=principal,
            profile=profile,
            now=now,
            home_account=home,
        )
        if isinstance(found, emergencies.NotInForce):
            yield f"emergency {event.id} {found.why}"
        else:
            yield Lift(marker=Marker.EMERGENCY, id=event.id, ends_at=found.ends_at)


def _as_invoker(event: Emergency, principal: Principal, persons: Persons) -> str:
    """The key under which the principal opened the emergency, should the people's map join the two."""
    own = persons.key(principal)
    return event.person if persons.joined(event.person) == own else own


def _no_policy(what: str, side: AnySide | SentinelError | None) -> str:
    if isinstance(side, SentinelError):
        return f"the {what} policy cannot be used: {side.message}"
    return f"there is no {what} policy"


_LOOKS = {Marker.APPROVED: _approved, Marker.EMERGENCY: _emergency}
