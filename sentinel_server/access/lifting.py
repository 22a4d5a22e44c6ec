"""What lifts a refusal of policy: an approved request or an open emergency, looked at from scratch each time.

Pure. Which of them may is for policy to say; nothing here is about doors, blocks or revocations, which
nothing lifts. Whatever cannot be read or is not sure lifts nothing, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sentinel_server.access.facts import SHUT, Facts, Lift, Opening, Sought
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
from sentinel_server.requests.model import AccessRequest

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


Found = TypeVar("Found", AccessRequest, Emergency)
Judge = Callable[[Found], Lift | str]
"""What one of what was found lifts, and until when; or why it lifts nothing."""


def lift(facts: Facts, principal: Principal, opening: Opening, now: datetime) -> Lift | tuple[str, ...]:
    """What lifts the refusal, for as long as it goes, or why nothing does: what was wrong with what was
    found.
    """
    sought, profile, reasons = facts.sought, facts.ask.profile, list[str]()
    for marker in opening.by:
        if marker is Marker.APPROVED:
            judge = request_judge(sought, principal, profile, opening, now)
            looked = judged(sought.requests, judge)
        else:
            looked = judged(sought.emergencies, emergency_judge(sought, principal, profile, opening, now))
        lifts = [each for each in looked if isinstance(each, Lift)]
        if lifts:
            return max(lifts, key=lambda each: each.ends_at)
        reasons += [each for each in looked[:1] if isinstance(each, str)]
    trouble = sought.trouble
    if opening.by and trouble is not None:
        reasons.append(f"approvals and emergencies could not be looked at: {trouble.message}")
    return tuple(reasons)


def judged(found: Sequence[Found], judge: Judge[Found] | str) -> Sequence[Lift | str]:
    """What the judge makes of each; what stands in the way of all of them is said once."""
    if isinstance(judge, str):
        return (judge,) if found else ()
    return tuple(judge(each) for each in found)


def request_judge(
    sought: Sought, principal: Principal, profile: str, opening: Opening, now: datetime
) -> Judge[AccessRequest] | str:
    """What approved requests lift for this principal and profile, or why none can."""
    side = sought.approvals
    if side is None or isinstance(side, SentinelError) or not isinstance(side.document, ApprovalPolicy):
        return _no_policy("approval", side)
    policy, home = side.document, side.home_of(principal)
    if opening.named and not requests.names(policy, principal, profile, home):
        return f"no approval rule names {principal.name} and {profile}"

    def judge(request: AccessRequest) -> Lift | str:
        found = requests.granted(
            request,
            policy,
            principal=principal,
            profile=profile,
            now=now,
            home_account=home,
            persons=sought.persons,
            check=sought.check,
        )
        if isinstance(found, requests.NotGranted):
            return f"request {request.id}: {found.why}"
        return Lift(marker=Marker.APPROVED, id=request.id, ends_at=found.ends_at, begins=found.must_start)

    return judge


def emergency_judge(
    sought: Sought, principal: Principal, profile: str, opening: Opening, now: datetime
) -> Judge[Emergency] | str:
    """What emergencies lift for this principal and profile, or why none can."""
    side = sought.breakglass
    if side is None or isinstance(side, SentinelError) or not isinstance(side.document, BreakGlassPolicy):
        return _no_policy("break-glass", side)
    policy, home = side.document, side.home_of(principal)
    if opening.named and not emergencies.names(policy, principal, profile, home):
        return f"no break-glass rule names {principal.name} and {profile}"

    def judge(event: Emergency) -> Lift | str:
        found = emergencies.in_force(
            event,
            policy,
            person=_as_invoker(event, principal, sought.persons),
            principal=principal,
            profile=profile,
            now=now,
            home_account=home,
        )
        if isinstance(found, emergencies.NotInForce):
            return f"emergency {event.id} {found.why}"
        return Lift(marker=Marker.EMERGENCY, id=event.id, ends_at=found.ends_at)

    return judge


def is_theirs(event: Emergency, principal: Principal, profile: str, persons: Persons) -> bool:
    """Whether the emergency says that it is this principal's for this profile."""
    return event.profile == profile and event.person == _as_invoker(event, principal, persons)


def _as_invoker(event: Emergency, principal: Principal, persons: Persons) -> str:
    """The key under which the principal opened the emergency, should the people's map join the two."""
    own = persons.key(principal)
    return event.person if persons.joined(event.person) == own else own


def _no_policy(what: str, side: AnySide | SentinelError | None) -> str:
    if isinstance(side, SentinelError):
        return f"the {what} policy cannot be used: {side.message}"
    return f"there is no {what} policy"
