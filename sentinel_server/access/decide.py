"""The decision, pure and total: facts in, `Allow`, `Deny` or `NeedsApproval` out.

Order: what is cut off for certain, then what could not be established, then policy, then how much is granted.
Deny is what is left over. Nothing here raises, and only `Allow` can lead to credentials.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from shlex import quote
from typing import assert_never

from sentinel_server.access.facts import Basis, Decision, Deny, Facts, Lift, NeedsApproval
from sentinel_server.access.grant import grant
from sentinel_server.access.lifting import EITHER, NAMED, lift, opening_of
from sentinel_server.access.standing import cut_off, start_anew
from sentinel_server.access.tables import policy_ask
from sentinel_server.clock import MAX_SKEW
from sentinel_server.errors import (
    ApprovalRequired,
    ClockSkewed,
    PolicyDenied,
    PrincipalChanged,
    SentinelError,
    ServerModeRequired,
    SessionRequired,
)
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.evaluate import evaluate
from sentinel_server.policy.schema import Effect, Mode, Origin, Rule
from sentinel_server.requests.model import Status

_ORDER = "sentinel policy explain --profile {profile} --mode {mode}"


def decide(facts: Facts, now: datetime) -> Decision:
    """What may be done about `facts.ask` at `now`. Never raises."""
    if abs(facts.skew) > MAX_SKEW:
        minutes = int(abs(facts.skew).total_seconds() // 60)
        return Deny(error=ClockSkewed(f"this machine's clock is {minutes} minutes away from AWS's"))
    if not isinstance(facts.standing, SentinelError):
        refusal = cut_off(facts, facts.standing, now)
        if refusal is not None and not refusal.revivable:
            return refusal
        decision = _by_policy(facts, now)
        return decision if refusal is None or isinstance(decision, Deny | NeedsApproval) else refusal
    decision = _by_policy(facts, now)
    if isinstance(decision, Deny) and isinstance(decision.error, PrincipalChanged):
        return decision
    return Deny(error=facts.standing, basis=decision.basis)


def _by_policy(facts: Facts, now: datetime) -> Decision:
    if isinstance(facts.principal, SentinelError):
        return Deny(error=facts.principal)
    if facts.started_as is not None and facts.principal.same_id != facts.started_as:
        changed = f"the base credentials now belong to {facts.principal.arn}"
        return Deny(error=PrincipalChanged(changed, hint=start_anew(facts.ask.profile)))
    if isinstance(facts.policy, SentinelError):
        return Deny(error=facts.policy)
    found = evaluate(facts.policy.policy, policy_ask(facts.ask, facts.principal, facts.policy, now))
    basis = Basis(rule=found.rule, index=found.index, policy=facts.policy)
    if found.device_blocked is not None:
        return Deny(error=_device(facts, found.device_blocked), basis=basis)
    if found.rule is None:
        refusal = Deny(error=_nothing_matched(facts), basis=basis, opening=NAMED)
        return _unless_lifted(facts, facts.principal, refusal, now)
    return _by_effect(facts, facts.principal, found.rule, basis, now)


def _device(facts: Facts, rule: Rule) -> SentinelError:
    why = f"rule '{rule.name}' needs a compliant device, and this one's posture is unknown"
    return PolicyDenied(why, hint=_explain(facts))


def _nothing_matched(facts: Facts) -> SentinelError:
    return PolicyDenied(f"no rule allows {_who(facts)} to use {facts.ask.profile}", hint=_explain(facts))


def _by_effect(facts: Facts, principal: Principal, rule: Rule, basis: Basis, now: datetime) -> Decision:
    error: SentinelError | None
    match rule.effect:
        case Effect.ALLOW:
            error = _wrong_table(facts, rule)
        case Effect.REQUIRE_SERVER:
            error = _not_a_server(facts, rule) or _wrong_table(facts, rule)
        case Effect.REQUIRE_SERVER_SESSION:
            error = _not_a_server(facts, rule) or _not_shared(facts, rule, basis) or _wrong_table(facts, rule)
        case Effect.REQUIRE_APPROVAL:
            asked = NeedsApproval(error=_needs_approval(facts, rule), basis=basis, opening=EITHER)
            return _unless_lifted(facts, principal, asked, now)
        case Effect.DENY:
            refusal = Deny(error=_denied(facts, rule), basis=basis, opening=opening_of(rule.override))
            return _unless_lifted(facts, principal, refusal, now)
        case _:
            assert_never(rule.effect)
    if error is not None:
        return Deny(error=error, basis=basis)
    return grant(facts, principal, rule, basis, now)


def _unless_lifted(
    facts: Facts, principal: Principal, refusal: Deny | NeedsApproval, now: datetime
) -> Decision:
    """What the refusal becomes when something lifts it, or the refusal with what was looked at."""
    found = lift(facts, principal, refusal.opening, now)
    if not isinstance(found, Lift):
        return replace(refusal, error=_looked_at(facts, refusal.error, found, now))
    rule = refusal.basis.rule
    error = None if rule is None else _wrong_table(facts, rule)
    if error is not None:
        return Deny(error=error, basis=refusal.basis)
    return grant(facts, principal, rule, refusal.basis, now, found)


def _looked_at(facts: Facts, error: SentinelError, reasons: tuple[str, ...], now: datetime) -> SentinelError:
    if not reasons:
        return error
    waits = (each.id for each in facts.sought.requests if each.status(now) is Status.PENDING)
    asked = next(waits, None)
    hint = error.hint if asked is None else f"wait for it: sentinel check {asked}"
    return type(error)(f"{error.message}; {'; '.join(reasons)}", hint=hint)


def _not_a_server(facts: Facts, rule: Rule) -> SentinelError | None:
    if facts.ask.mode is Mode.SERVER:
        return None
    return ServerModeRequired(
        f"rule '{rule.name}' serves {facts.ask.profile} through the credential server only",
        hint=f"run: sentinel exec --server --profile {quote(facts.ask.profile)} -- COMMAND",
    )


def _not_shared(facts: Facts, rule: Rule, basis: Basis) -> SentinelError | None:
    from_ssm = basis.policy is not None and basis.policy.origin is Origin.SSM
    if facts.store.shared or not from_ssm:
        return None
    return SessionRequired(
        f"rule '{rule.name}' wants a session in the shared store, "
        f"and {facts.store.url} is this machine's own",
        hint="name it: sentinel exec --server --session-table TABLE "
        f"--profile {quote(facts.ask.profile)} -- COMMAND",
    )


def _wrong_table(facts: Facts, rule: Rule) -> SentinelError | None:
    if rule.session_table is None or facts.ask.mode is not Mode.SERVER:
        return None
    if facts.store.table == rule.session_table:
        return None
    return SessionRequired(
        f"rule '{rule.name}' wants the session in {rule.session_table}, and it is in {facts.store.url}",
        hint="start again; the rule's own table is used then",
    )


def _needs_approval(facts: Facts, rule: Rule) -> SentinelError:
    because = f" ({rule.reason})" if rule.reason else ""
    return ApprovalRequired(
        f"rule '{rule.name}' wants an approval for {facts.ask.profile}{because}",
        hint=f"ask: sentinel request --profile {quote(facts.ask.profile)} --justification WHY",
    )


def _denied(facts: Facts, rule: Rule) -> SentinelError:
    because = f" ({rule.reason})" if rule.reason else ""
    return PolicyDenied(
        f"rule '{rule.name}' denies {_who(facts)} the use of {facts.ask.profile}{because}",
        hint=_explain(facts),
    )


def _who(facts: Facts) -> str:
    return "anyone" if isinstance(facts.principal, SentinelError) else facts.principal.name


def _explain(facts: Facts) -> str:
    return "see why: " + _ORDER.format(profile=quote(facts.ask.profile), mode=facts.ask.mode.value)
