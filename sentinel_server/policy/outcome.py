"""What a decision of the policy comes to for whoever stands at a door.

`access.decide` says the same in errors, with more facts at hand; a test holds the two together.
"""

from __future__ import annotations

from sentinel_server.policy.evaluate import PolicyDecision
from sentinel_server.policy.schema import Effect, Mode


def outcome(decision: PolicyDecision, mode: Mode, *, shared_store: bool) -> Effect:
    """`allow` when the policy stands in the way of nothing, else the effect that refuses.

    `require_server` is left of a rule that wants the server at any other door, and `require_server_session`
    of one that wants a shared store where there is none. No matching rule is `deny`, as is a device in the
    way.
    """
    if decision.rule is None or decision.device_blocked is not None:
        return Effect.DENY
    effect = decision.rule.effect
    if effect not in (Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION):
        return effect
    if mode is not Mode.SERVER:
        return Effect.REQUIRE_SERVER
    return effect if effect is Effect.REQUIRE_SERVER_SESSION and not shared_store else Effect.ALLOW
