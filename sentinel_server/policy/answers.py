"""What a policy gives at one door, as far as whoever asks can notice. Pure."""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.frozen import frozen
from sentinel_server.policy.asked import PolicyDecision
from sentinel_server.policy.outcome import outcome
from sentinel_server.policy.schema import Effect, Lease, Mode, Override, Rule


@frozen
class Answer:
    """What a policy gives at one door: an outcome, in which a shared store is a demand, and its terms.

    `override` is set for a denial by a rule; None of a denial means that no rule matches. What cannot be had
    has no terms.
    """

    outcome: Effect
    override: Override | None = None
    max_duration: timedelta | None = None
    max_lease: Lease | None = None
    enforce_lease: bool = False
    session_table: str | None = None
    allow_unstamped: bool = False


def answer_of(decision: PolicyDecision, mode: Mode) -> Answer:
    """The part of a decision that whoever asks can notice."""
    met, rule = outcome(decision, mode, shared_store=False), decision.rule
    if decision.device_blocked is not None:
        return Answer(outcome=met, override=Override.NONE)
    if rule is None or met is Effect.REQUIRE_SERVER:
        return Answer(outcome=met)
    if met is Effect.DENY:
        return Answer(outcome=met, override=rule.override)
    return Answer(
        outcome=met,
        max_duration=_longest(rule, mode),
        max_lease=rule.max_lease,
        enforce_lease=rule.enforce_lease,
        session_table=rule.session_table if mode is Mode.SERVER else None,
        allow_unstamped=rule.allow_unstamped,
    )


def _longest(rule: Rule, mode: Mode) -> timedelta | None:
    limits = [rule.max_duration, rule.max_server_duration if mode is Mode.SERVER else None]
    return min((limit for limit in limits if limit is not None), default=None)
