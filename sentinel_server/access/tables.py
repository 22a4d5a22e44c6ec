"""Which session table a rule names, found before there is a store to ask."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.access.facts import Ask
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.schema import LoadedPolicy


def table_of(ask: Ask, principal: Principal, person: str, loaded: LoadedPolicy, now: datetime) -> str | None:
    """The `session_table` (a name or an ARN) of the rule that matches now, or None."""
    found = evaluate(
        loaded.policy,
        PolicyAsk(
            principal=principal,
            person=person,
            profile=ask.profile,
            mode=ask.mode,
            now=now,
            home_account=loaded.account or principal.account,
        ),
    )
    return None if found.rule is None else found.rule.session_table
