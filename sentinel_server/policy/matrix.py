"""What a policy decides for many users and profiles at one moment. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.cast import (
    figures,
    home_of,
    named_profiles,
    named_users,
    principal_named,
    principal_of,
    profile_of,
)
from sentinel_server.policy.evaluate import PolicyAsk, PolicyDecision, evaluate
from sentinel_server.policy.outcome import outcome
from sentinel_server.policy.schema import Effect, LoadedPolicy, Mode

_UNNAMED = ("any other IAM user", "any other SSO user", "any other role's session")


@frozen
class Cell:
    """One decision; `outcome` is what it comes to at the door, where a session is in a shared store."""

    user: str
    principal: Principal
    profile: str
    decision: PolicyDecision
    outcome: Effect


@frozen
class Matrix:
    """A row of cells per user, in the order of `profiles`."""

    profiles: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def matrix(
    loaded: LoadedPolicy, *, users: Sequence[str], profiles: Iterable[str], mode: Mode, now: datetime
) -> Matrix:
    """The decisions on `users` for `profiles` and those the policy names.

    A bare name is an IAM user of the first trusted account, as in `explain`; a pattern is stood for by a name
    that fits. Without `users` it is those whom the policy names, and one of each sort it does not. Raises
    InvalidArn.
    """
    labels = tuple(dict.fromkeys([*profiles, *named_profiles((loaded.policy,))]))
    rows = tuple(
        tuple(_cell(loaded, user, principal, label, mode, now) for label in labels)
        for user, principal in _people(loaded, users)
    )
    return Matrix(profiles=labels, rows=rows)


def _people(loaded: LoadedPolicy, users: Sequence[str]) -> list[tuple[str, Principal]]:
    policy = loaded.policy
    home = home_of(policy, loaded.account)
    if users:
        return [(user, principal_named(user, home)) for user in dict.fromkeys(users)]
    named = ((user, principal_of(user, home)) for user in named_users((policy,)))
    known = [(user, principal) for user, principal in named if principal is not None]
    rest = [(f.label, f.principal) for f in figures((policy,), loaded.account) if f.label in _UNNAMED]
    return known + rest


def _cell(
    loaded: LoadedPolicy, user: str, principal: Principal, profile: str, mode: Mode, now: datetime
) -> Cell:
    ask = PolicyAsk(
        principal=principal,
        profile=profile_of(profile),
        mode=mode,
        now=now,
        home_account=loaded.home_of(principal),
    )
    decision = evaluate(loaded.policy, ask)
    met = outcome(decision, mode, shared_store=True)
    return Cell(user=user, principal=principal, profile=profile, decision=decision, outcome=met)
