"""How much is granted once policy says yes: how long, reported how far, and enforced by what.

STS never gives less than 900 seconds. Whatever must end sooner carries a session policy by which AWS itself
refuses afterwards; where that cannot be attached (a profile without a role) the answer is no.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel_server.access.facts import Allow, Basis, Decision, Deny, Facts, Lift, Target
from sentinel_server.errors import DeadlineTooNear, SentinelError, UnstampedProfile
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.schema import FULL, STANDARD, Effect, Lease, Mode, Rule
from sentinel_server.sessions.model import Standing

STS_FLOOR = timedelta(seconds=900)
"""The shortest session STS gives (AssumeRole, DurationSeconds)."""
CHAINED_LIMIT = timedelta(seconds=3600)
"""The longest session of a role assumed by a role session (AssumeRole, role chaining)."""
ONE_SHOT_DEFAULT = timedelta(hours=1)
SHORTEST = timedelta(seconds=15)
"""Less than this is of no use to anybody, so it is a denial."""


_NO_LIMITS = Rule(name="", effect=Effect.ALLOW)


def grant(
    facts: Facts,
    principal: Principal,
    rule: Rule | None,
    basis: Basis,
    now: datetime,
    lift: Lift | None = None,
) -> Decision:
    """The `Allow` that `rule` gives, or the denial when it cannot be given in the way the rule wants.

    With a `lift` it is what that gives, within the limits of the rule that was lifted; None when there was
    no rule.
    """
    rule = rule or _NO_LIMITS
    if facts.target.role_arn is None:
        error = _unstamped(facts, rule) if lift is None else _lifted_unstamped(facts)
        if error is not None:
            return Deny(error=error, basis=basis)
    lease = _lease(facts, rule)
    life = min(_life(facts, principal, rule), _enforced(facts, rule, lease))
    ends_at = _ends_at(facts, lift)
    left = life if ends_at is None else min(life, ends_at - now)
    if facts.ask.mode is not Mode.SERVER:
        life = left  # a server's mints are shared by fetches, and what is left is another at each
    if left < SHORTEST:
        return Deny(
            error=DeadlineTooNear(f"only {max(0, int(left.total_seconds()))} s are left"), basis=basis
        )
    return Allow(
        principal=principal,
        basis=basis,
        duration=max(life, STS_FLOOR),
        life=life,
        ends_at=ends_at,
        lease=lease,
        unstamped=facts.target.role_arn is None,
        lift=lift,
    )


def _life(facts: Facts, principal: Principal, rule: Rule) -> timedelta:
    limits = [_wanted(facts, rule), _role_limit(facts.target, principal)]
    if rule.max_duration is not None:
        limits.append(rule.max_duration)
    if facts.ask.mode is Mode.SERVER and rule.max_server_duration is not None:
        limits.append(rule.max_server_duration)
    return min(limits)


def _wanted(facts: Facts, rule: Rule) -> timedelta:
    if facts.ask.mode is not Mode.SERVER:
        return facts.ask.duration or ONE_SHOT_DEFAULT
    longest = max(rule.max_server_duration or STS_FLOOR, STS_FLOOR)
    return min(facts.ask.duration or STS_FLOOR, longest)


def _role_limit(target: Target, principal: Principal) -> timedelta:
    chained = principal.kind in (Kind.SSO_ROLE, Kind.ASSUMED_ROLE)
    if chained or target.duration_seconds is None:
        return CHAINED_LIMIT
    return max(CHAINED_LIMIT, timedelta(seconds=target.duration_seconds))


def _lease(facts: Facts, rule: Rule) -> Lease:
    default = STANDARD if facts.ask.mode is Mode.SERVER else FULL
    return (facts.ask.lease or default).shorter(rule.max_lease)


def _enforced(facts: Facts, rule: Rule, lease: Lease) -> timedelta:
    """The lease where AWS must hold it: on demand, and in the environment, which nobody fetches again."""
    by_wish = facts.enforce_lease or rule.enforce_lease
    one_shot = facts.ask.mode is Mode.CLI and rule.max_lease is not None
    if lease.seconds is None or not (by_wish or one_shot) or facts.target.role_arn is None:
        return timedelta.max
    return timedelta(seconds=lease.seconds)


def _ends_at(facts: Facts, lift: Lift | None) -> datetime | None:
    ends = [] if lift is None else [lift.ends_at]
    if isinstance(facts.standing, Standing) and facts.standing.session is not None:
        ends.append(facts.standing.session.expires_at)
    return min(ends, default=None)


def _lifted_unstamped(facts: Facts) -> SentinelError:
    return UnstampedProfile(
        f"profile {facts.ask.profile} has no role, so an approved or emergency session could not be ended",
        hint="give the profile a role_arn",
    )


def _unstamped(facts: Facts, rule: Rule) -> SentinelError | None:
    profile = facts.ask.profile
    if not rule.allow_unstamped:
        return UnstampedProfile(
            f"profile {profile} has no role to assume, so it cannot be stamped or shortened"
        )
    capped = rule.max_duration or rule.max_server_duration or rule.max_lease or rule.enforce_lease
    if capped or facts.enforce_lease or rule.effect is Effect.REQUIRE_SERVER_SESSION:
        return UnstampedProfile(
            f"rule '{rule.name}' limits {profile}, which has no role, so AWS could not hold the limit",
            hint="give the profile a role_arn, or take the limit out of the rule",
        )
    return None
