"""What policy is asked at the gate, and which session table the answering rule names."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.access.facts import Ask
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.schema import LoadedPolicy


def policy_ask(ask: Ask, principal: Principal, loaded: LoadedPolicy, now: datetime) -> PolicyAsk:
    """`ask` as a policy sees it."""
    return PolicyAsk(
        principal=principal,
        profile=ask.profile,
        mode=ask.mode,
        now=now,
        home_account=loaded.home_of(principal),
    )


def table_of(ask: Ask, principal: Principal, loaded: LoadedPolicy, now: datetime) -> str | None:
    """The `session_table` (a name or an ARN) of the rule that matches now, or None."""
    found = evaluate(loaded.policy, policy_ask(ask, principal, loaded, now))
    return None if found.rule is None else found.rule.session_table
