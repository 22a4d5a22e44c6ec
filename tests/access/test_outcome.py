"""What tests and comparisons of policies call the outcome is what the gate decides."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.access.decide import decide
from sentinel_server.access.facts import Allow, Ask, Deny, Facts, NeedsApproval, Target
from sentinel_server.errors import (
    DeadlineTooNear,
    PolicyDenied,
    SentinelError,
    ServerModeRequired,
    SessionRequired,
)
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.outcome import outcome
from sentinel_server.policy.schema import Effect, LoadedPolicy, Mode, Origin, Policy
from sentinel_server.sessions.model import Standing
from sentinel_server.sessions.store import StoreRef
from tests.fakes.gate import ROLE
from tests.strategies import PROFILES, instants, policies, principals

MET: dict[type[SentinelError], Effect] = {
    PolicyDenied: Effect.DENY,
    ServerModeRequired: Effect.REQUIRE_SERVER,
    SessionRequired: Effect.REQUIRE_SERVER_SESSION,
}


def decided(policy: Policy, principal: Principal, ask: Ask, shared: bool, now: datetime) -> Effect:
    """What the gate says to somebody who is about to start."""
    loaded = LoadedPolicy(
        policy=policy, name="p", sha256="0" * 64, origin=Origin.SSM, account=principal.account
    )
    found = evaluate(policy, _ask(principal, ask, now))
    table = found.rule.session_table if found.rule else None
    decision = decide(
        Facts(
            ask=ask,
            target=Target(role_arn=ROLE),
            principal=principal,
            policy=loaded,
            standing=Standing(session=None),
            starting=True,
            store=StoreRef(url="store", shared=shared, table=table),
        ),
        now,
    )
    match decision:
        case Allow():
            return Effect.ALLOW
        case NeedsApproval():
            return Effect.REQUIRE_APPROVAL
        case Deny(error=DeadlineTooNear()):
            return Effect.ALLOW
        case Deny(error=error):
            return MET[type(error)]


def _ask(principal: Principal, ask: Ask, now: datetime) -> PolicyAsk:
    return PolicyAsk(
        principal=principal,
        profile=ask.profile,
        mode=ask.mode,
        now=now,
        home_account=principal.account,
    )


@settings(deadline=None)
@given(policies(), principals(), st.sampled_from(PROFILES), st.sampled_from(Mode), st.booleans(), instants())
def test_the_outcome_is_what_the_gate_decides(
    policy: Policy, principal: Principal, profile: str, mode: Mode, shared: bool, now: datetime
) -> None:
    ask = Ask(profile=profile, mode=mode)
    met = outcome(evaluate(policy, _ask(principal, ask, now)), mode, shared_store=shared)
    assert met is decided(policy, principal, ask, shared, now)
