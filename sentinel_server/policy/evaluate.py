"""Which rule decides. Pure and total: the first rule that matches, and none is a denial.

What the effect of that rule means at a door is `access.decide`'s affair.
"""

from __future__ import annotations

from sentinel_server.policy.asked import PolicyAsk, PolicyDecision
from sentinel_server.policy.clocks import Clocks
from sentinel_server.policy.compiled import Matcher, compiled
from sentinel_server.policy.schema import Effect, Policy, Rule

__all__ = ["PolicyAsk", "PolicyDecision", "evaluate"]

_ALLOWING = (Effect.ALLOW, Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION)
_NONE = PolicyDecision(rule=None, index=-1)


def evaluate(policy: Policy, ask: PolicyAsk) -> PolicyDecision:
    """The decision of `policy` on `ask`."""
    clocks = None
    blocked: Rule | None = None
    for matcher in compiled(policy).standing(ask.profile, ask.mode, ask.principal, ask.home_account):
        if matcher.time is not None:
            clocks = clocks or Clocks(ask.now)
            miss = clocks.closed(matcher)
            if miss == "zone":
                break  # what cannot be evaluated is a denial: no later rule may allow
            if miss is not None:
                continue
        if not matcher.device:
            return _decided(matcher, blocked)
        if blocked is None and matcher.insists:
            blocked = matcher.rule
    return _NONE if blocked is None else PolicyDecision(rule=None, index=-1, device_blocked=blocked)


def _decided(matcher: Matcher, blocked: Rule | None) -> PolicyDecision:
    if blocked is None or matcher.rule.effect in _ALLOWING:
        return matcher.decision
    decision = matcher.decision
    return PolicyDecision(rule=decision.rule, index=decision.index, device_blocked=blocked)
