"""Who may break the glass, and whether a glass that is said to be broken still gives anything.

The first rule whose profiles fit decides; where none does, nobody may. What a row says of itself is never
believed: `in_force` judges it from scratch, by the policy of the moment, each time it is used.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sentinel_server.breakglass.model import Emergency, EventState, MfaEvidence
from sentinel_server.errors import BreakGlassRefused, InvalidArn, StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.breakglass import (
    LONGEST_EMERGENCY,
    BreakGlassPolicy,
    BreakGlassRule,
    MfaRequirement,
    ReasonCode,
)
from sentinel_server.policy.durations import format_duration
from sentinel_server.policy.explain import window_words
from sentinel_server.policy.membership import covers, is_open, means

TICKET = 128
"""Characters of a ticket, at most."""
MFA_FRESH = timedelta(minutes=10)
"""How long before an emergency is opened its second factor may have been shown."""
LEEWAY = timedelta(minutes=1)
"""How far the clocks of two machines may be apart, as far as the start of an emergency goes."""


@frozen
class Wanted:
    """What somebody wants to open; bare names mean `home_account` when the policy names no accounts."""

    principal: Principal
    profile: str
    reason_code: ReasonCode
    duration: timedelta
    home_account: str | None = None


@frozen
class Permitted:
    """It may be opened under `rule`, once the second factor that `mfa` wants has been shown."""

    rule: BreakGlassRule

    @property
    def mfa(self) -> MfaRequirement | None:
        """The second factor that is required, None when none is."""
        return self.rule.mfa


@frozen
class Forbidden:
    """It may not be opened, and `error` says by which limit."""

    error: BreakGlassRefused


@frozen
class InForce:
    """The emergency gives access until `ends_at`."""

    ends_at: datetime


@frozen
class NotInForce:
    """The emergency gives nothing; `why` completes "the emergency …"."""

    why: str


def may_open(policy: BreakGlassPolicy, wanted: Wanted, now: datetime) -> Permitted | Forbidden:
    """Whether the policy lets `wanted` be opened at `now`. Of several limits in the way, the first is named:
    profile, person, reason code, time, duration.
    """
    rule = _rule(policy, wanted.profile)
    if rule is None:
        return _no(f"no break-glass rule is for {wanted.profile}, so nobody may break its glass")
    where = f"break-glass rule '{rule.name}'"
    if not means(rule.users, policy, wanted.principal, wanted.home_account):
        return _no(f"{where} does not name {wanted.principal.name} for {wanted.profile}")
    if not _allows(rule, wanted.reason_code):
        codes = ", ".join(code.value for code in rule.allowed_reason_codes)
        return _no(
            f"{where} does not allow the reason code {wanted.reason_code.value} for {wanted.profile}",
            hint=f"it allows: {codes}",
        )
    if rule.time is not None and not is_open(rule.time, now):
        return _no(f"{where} is for {window_words(rule.time)} {rule.time.timezone} only")
    if wanted.duration > longest(rule):
        whose = where if rule.max_duration is not None else "any break-glass rule"
        most = format_duration(longest(rule))
        return _no(
            f"{format_duration(wanted.duration)} is more than the {most} that {whose} allows",
            hint=f"ask for less: --duration {most}",
        )
    return Permitted(rule=rule)


def wants_ticket(rule: BreakGlassRule, ticket: str) -> str:
    """Why the rule does not take this ticket; empty when it does."""
    pattern = rule.ticket_pattern
    if pattern is None or (len(ticket) <= TICKET and re.fullmatch(pattern, ticket)):
        return ""
    what = (
        f"the ticket {ticket[:TICKET]!r} is not of the form" if ticket else "a ticket is wanted, of the form"
    )
    return f"{what} {pattern}, says break-glass rule '{rule.name}'"


def longest(rule: BreakGlassRule) -> timedelta:
    """The longest emergency under `rule`."""
    return min(rule.max_duration or LONGEST_EMERGENCY, LONGEST_EMERGENCY)


def names(policy: BreakGlassPolicy, principal: Principal, profile: str, home_account: str | None) -> bool:
    """Whether the rule in charge says both this profile and this principal, for whatever reason and time.

    Only then may an emergency lift a denial that is there because no rule of the policy matched.
    """
    rule = _rule(policy, profile)
    return rule is not None and bool(rule.profiles) and means(rule.users, policy, principal, home_account)


def may_oversee(
    policy: BreakGlassPolicy, principal: Principal, profile: str, home_account: str | None
) -> bool:
    """Whether this principal may close and review the emergencies of others for a profile.

    Those are the rule's reviewers, or its users when it names none. Where no rule is left for the profile,
    nothing is in force and anybody may: what was opened there has to be finished by somebody.
    """
    rule = _rule(policy, profile)
    return rule is None or means(rule.reviewers or rule.users, policy, principal, home_account)


def is_invoker(event: Emergency, principal: Principal, persons: Persons) -> bool:
    """Whether the principal is the person who opened it, by any key that the people map here joins.

    Raises StoreUnavailable when the row does not say whose it is.
    """
    try:
        own = parse_principal(event.principal_arn, unique_id="-").person
    except InvalidArn as error:
        raise StoreUnavailable(f"emergency {event.id} does not say who opened it: {error.message}") from error
    theirs = {event.person, persons.joined(event.person), own, persons.joined(own)}
    return not theirs.isdisjoint((principal.person, persons.key(principal)))


def in_force(
    event: Emergency,
    policy: BreakGlassPolicy,
    *,
    person: str,
    principal: Principal,
    profile: str,
    now: datetime,
    home_account: str | None,
) -> InForce | NotInForce:
    """Whether `event` gives this person access to this profile at `now`."""
    why = _not_theirs(event, person, profile) or _not_open(event, now)
    if why is None:
        why = _not_permitted(event, policy, principal, home_account)
    return InForce(ends_at=event.ends_at) if why is None else NotInForce(why=why)


def _not_theirs(event: Emergency, person: str, profile: str) -> str | None:
    if event.person != person:
        return "is somebody else's"
    return None if event.profile == profile else f"is for {event.profile}"


def _not_open(event: Emergency, now: datetime) -> str | None:
    if event.drill:
        return "is a drill, which gives nothing"
    if not event.intact:
        return "is not what was opened: somebody changed what it says"
    if event.review is not None:
        return "was reviewed, so it is over"
    if event.created_at - now > LEEWAY:
        return "begins in the future"
    state = event.state(now)
    return None if state is EventState.ACTIVE else f"is {state.value}"


def _not_permitted(
    event: Emergency, policy: BreakGlassPolicy, principal: Principal, home_account: str | None
) -> str | None:
    """Judged for the instant it was opened, because a window is about opening and not about its end."""
    wanted = Wanted(
        principal=principal,
        profile=event.profile,
        reason_code=event.reason_code,
        duration=event.duration,
        home_account=home_account,
    )
    match may_open(policy, wanted, event.created_at):
        case Forbidden(error=error):
            return f"is not one that the policy allows: {error.message}"
        case Permitted(rule=rule, mfa=required):
            why = wants_ticket(rule, event.ticket)
            return f"is not one that the policy allows: {why}" if why else _unproved(event, required)


def _unproved(event: Emergency, required: MfaRequirement | None) -> str | None:
    if required is None or satisfies(event.mfa, required, event.created_at):
        return None
    return "lacks the second factor that its rule requires"


def satisfies(evidence: MfaEvidence | None, required: MfaRequirement, opened_at: datetime) -> bool:
    """Whether the evidence is of a method that is wanted, and fresh when the emergency was opened."""
    if evidence is None:
        return False
    wanted = {method.value for method in required.methods}
    fresh = -LEEWAY <= opened_at - evidence.verified_at <= MFA_FRESH
    return fresh and (not wanted or evidence.method in wanted)


def _rule(policy: BreakGlassPolicy, profile: str) -> BreakGlassRule | None:
    return next((rule for rule in policy.rules if covers(rule.profiles, profile)), None)


def _allows(rule: BreakGlassRule, code: ReasonCode) -> bool:
    return not rule.allowed_reason_codes or code in rule.allowed_reason_codes


def _no(message: str, hint: str | None = None) -> Forbidden:
    return Forbidden(error=BreakGlassRefused(message, hint=hint))
