"""A long policy costs what a short one does, because most of its rules are never looked at."""

from __future__ import annotations

from dataclasses import replace

from sentinel_server.policy.compiled import compiled
from sentinel_server.policy.evaluate import evaluate
from sentinel_server.policy.index import Index
from sentinel_server.policy.schema import Conditions, Effect, Group, Mode, Policy, Rule
from tests.fakes.credentials import ALICE, BOB
from tests.policy.plain import plain_evaluate
from tests.policy.test_evaluate import ask

LONG = Policy(
    rules=tuple(
        Rule(
            name=f"team {n}",
            effect=Effect.ALLOW,
            conditions=Conditions(profiles=(f"p{n}", "shared"), users=(f"u{n}", f"arn:aws:iam::1:user/{n}")),
        )
        for n in range(10_000)
    )
)


def places(policy: Policy, profile: str, bare: str | None, arn: str = "arn:x") -> list[int]:
    """Which rules are looked at."""
    return list(Index(policy).places(profile, bare, arn))


def conditioned(*conditions: Conditions, groups: tuple[Group, ...] = ()) -> Policy:
    """A policy of one rule for each."""
    rules = tuple(
        Rule(name=str(n), effect=Effect.ALLOW, conditions=each) for n, each in enumerate(conditions)
    )
    return Policy(rules=rules, groups=groups)


def test_of_ten_thousand_rules_only_those_about_the_asker_are_looked_at() -> None:
    index = Index(LONG)
    assert list(index.places("p77", "u77", "arn:x")) == [77]
    assert list(index.places("shared", "u5", "arn:aws:iam::1:user/9")) == [5, 9]
    assert list(index.places("p77", "u78", "arn:x")) == []
    assert list(index.places("p77", None, "arn:x")) == []


def test_rules_with_patterns_or_without_names_are_always_looked_at_in_their_order() -> None:
    policy = conditioned(
        Conditions(users=("alice",)),
        Conditions(profiles=("prod*",)),
        Conditions(profiles=("prod",)),
        Conditions(users=("bob",), profiles=("prod",)),
        Conditions(),
        Conditions(not_users=("alice",), not_profiles=("prod",)),
    )
    assert places(policy, "prod", "alice") == [0, 1, 2, 4, 5]
    assert places(policy, "dev", "bob") == [1, 4, 5]


def test_a_group_is_filed_under_each_of_its_members() -> None:
    policy = conditioned(Conditions(users=("group:a",)), groups=(Group(name="a", users=("alice", "bob")),))
    assert places(policy, "prod", "bob") == [0]
    assert places(policy, "prod", "carol") == []


def test_a_rule_of_many_names_is_filed_by_the_fewer_of_them() -> None:
    many, some = tuple(f"n{n}" for n in range(100)), tuple(f"m{n}" for n in range(50))
    policy = conditioned(Conditions(users=some, profiles=many), Conditions(users=many, profiles=some))
    assert places(policy, "n1", "m1") == [0]
    assert places(policy, "m1", "n1") == [1]
    assert places(policy, "m1", "nobody") == [1]


def test_what_stands_for_an_asker_ends_with_the_first_rule_that_needs_nothing_else() -> None:
    rules = tuple(Rule(name=str(n), effect=Effect.ALLOW) for n in range(10_000))
    table = compiled(Policy(rules=rules))
    standing = table.standing("prod", Mode.CLI, ALICE, None)
    assert [matcher.rule.name for matcher in standing] == ["0"]
    assert table.standing("prod", Mode.CLI, ALICE, None) is standing


def test_more_askers_than_are_remembered_are_each_decided_for() -> None:
    policy = conditioned(Conditions(users=("alice",)), Conditions(profiles=("p1500",)))
    for n in range(2500):
        given = ask(ALICE if n % 2 else BOB, profile=f"p{n}")
        assert evaluate(policy, given) == plain_evaluate(policy, given)


def test_the_same_name_in_another_account_is_another_asker() -> None:
    policy = replace(conditioned(Conditions(users=("alice",))), trusted_accounts=())
    assert evaluate(policy, ask(home_account=ALICE.account)).rule is not None
    assert evaluate(policy, ask(home_account="999999999999")).rule is None
