"""`evaluate`: how long a decision takes in a policy of 10 to 10,000 rules, the last of which matches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from benchmarks.report import Row, compared, ratio, row
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.schema import WEEK, Conditions, Effect, Hours, Mode, Policy, Rule, TimeWindow

SIZES = (10, 100, 1_000, 10_000)

_ENOUGH = 0.1
"""Seconds that one measurement lasts."""

_ASK = PolicyAsk(
    principal=Principal(
        partition="aws",
        account="111122223333",
        kind=Kind.SSO_ROLE,
        name="dana@example.com",
        unique_id="AROAEXAMPLE:dana@example.com",
        arn="arn:aws:sts::111122223333:assumed-role/"
        "AWSReservedSSO_Developer_0123456789abcdef/dana@example.com",
        role="AWSReservedSSO_Developer_0123456789abcdef",
    ),
    profile="payments-prod",
    mode=Mode.SERVER,
    now=datetime(2026, 11, 24, 10, 30, tzinfo=UTC),
    home_account="111122223333",
)
_OFFICE = TimeWindow(days=WEEK[:5], hours=Hours(start=9 * 60, end=17 * 60 + 30), timezone="Europe/Berlin")
_NIGHT = TimeWindow(hours=Hours(start=22 * 60, end=6 * 60), timezone="Europe/Berlin")


def run(rounds: int) -> list[Row]:
    """Measure every size once a round: the first decision, those after it, and the first of other askers."""
    first: dict[int, list[float]] = {size: [] for size in SIZES}
    later: dict[int, list[float]] = {size: [] for size in SIZES}
    others: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(rounds):
        for size in SIZES:
            policy = policy_of(size)
            first[size].append(_seconds_once(policy) * 1e6)
            later[size].append(_seconds_each(partial(evaluate, policy, _ASK)) * 1e6)
            others[size].append(_seconds_of_others(policy) * 1e6)
    return list(_rows(first, later, others))


def policy_of(size: int) -> Policy:
    """A policy of so many rules: each for another team's profiles and people, some by pattern, some at night
    only; the last one is ours.
    """
    rules = [_others(number) for number in range(size - 1)]
    ours = Conditions(profiles=("payments-*",), users=("*@example.com",), modes=(Mode.SERVER,), time=_OFFICE)
    return Policy(rules=(*rules, Rule(name="payments", effect=Effect.ALLOW, conditions=ours)))


def _others(number: int) -> Rule:
    team = f"team{number}"
    kinds = (
        Conditions(
            profiles=(f"{team}-dev", f"{team}-prod"), users=("dana@example.com", f"{team}@example.com")
        ),
        Conditions(profiles=(f"{team}-*",), users=(f"{team}-*@example.com", "ops-?@example.com")),
        Conditions(profiles=("payments-*",), users=(f"{team}-*@example.com",), modes=(Mode.SERVER, Mode.CLI)),
        Conditions(users=("arn:aws:iam::*:user/" + team, f"{team}-*"), time=_NIGHT),
        Conditions(profiles=("payments-prod",), modes=(Mode.CREDENTIAL_PROCESS,), time=_OFFICE),
    )
    effect = Effect.DENY if number % 7 == 0 else Effect.ALLOW
    return Rule(name=team, effect=effect, conditions=kinds[number % len(kinds)])


def _seconds_once(policy: Policy) -> float:
    began = time.perf_counter()
    assert evaluate(policy, _ASK).index == len(policy.rules) - 1
    return time.perf_counter() - began


def _seconds_of_others(policy: Policy) -> float:
    """Of the fastest first decision of somebody, when the policy has decided for others before."""
    fastest = float("inf")
    for number in range(_BATCH):
        name = f"new{number}@example.com"
        arn = _ASK.principal.arn.replace(_ASK.principal.name, name)
        ask = replace(_ASK, principal=replace(_ASK.principal, name=name, arn=arn))
        began = time.perf_counter()
        evaluate(policy, ask)
        fastest = min(fastest, time.perf_counter() - began)
    return fastest


def _seconds_each(work: Callable[[], object]) -> float:
    """Of the fastest batch, as timeit advises: what slows the others down is not what is measured."""
    fastest = float("inf")
    until = time.perf_counter() + _ENOUGH
    while (began := time.perf_counter()) < until:
        for _ in range(_BATCH):
            work()
        fastest = min(fastest, time.perf_counter() - began)
    return fastest / _BATCH


_BATCH = 100


def _rows(
    first: dict[int, list[float]], later: dict[int, list[float]], others: dict[int, list[float]]
) -> Iterator[Row]:
    for size in SIZES:
        yield row(f"{size:,} rules", later[size], "µs", most=2.0 if size == SIZES[0] else None)
    for size in SIZES[1:]:
        yield row(f"{size:,} rules, of 10 rules", compared(later[size], later[SIZES[0]], ratio), "x")
    for size in SIZES:
        yield row(f"{size:,} rules, an asker's first decision", others[size], "µs")
    for size in SIZES:
        yield row(f"{size:,} rules, the very first decision", first[size], "µs")
