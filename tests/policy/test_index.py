"""A long policy costs what a short one does, because most of its rules are never looked at."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given as given_
from hypothesis import settings

from sentinel_server.policy.compiled import compiled
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.index import Index
from sentinel_server.policy.match import bare_name
from sentinel_server.policy.schema import Conditions, Effect, Group, Mode, Policy, Rule
from tests.fakes.credentials import ALICE, BOB
from tests.policy.plain import plain_evaluate, stands
from tests.policy.test_evaluate import ask
from tests.strategies import asks, policies

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
    return list(Index(policy).places(profile, bare, arn, Mode.CLI))


def conditioned(*conditions: Conditions, groups: tuple[Group, ...] = ()) -> Policy:
    """A policy of one rule for each."""
    rules = tuple(
        Rule(name=str(n), effect=Effect.ALLOW, conditions=each) for n, each in enumerate(conditions)
    )
    return Policy(rules=rules, groups=groups)


def test_of_ten_thousand_rules_only_those_about_the_asker_are_looked_at() -> None:
    index = Index(LONG)
    assert list(index.places("p77", "u77", "arn:x", Mode.CLI)) == [77]
    assert list(index.places("shared", "u5", "arn:aws:iam::1:user/9", Mode.CLI)) == [5, 9]
    assert list(index.places("p77", "nobody", "arn:x", Mode.CLI)) == []
    assert list(index.places("p77", None, "arn:x", Mode.CLI)) == []


def test_a_pattern_is_found_by_what_it_begins_or_ends_with() -> None:
    policy = conditioned(
        Conditions(profiles=("prod-*",)),
        Conditions(users=("*@example.com",)),
        Conditions(users=("arn:aws:iam::*:user/alice",)),
        Conditions(profiles=("p?od", "d*v")),
        Conditions(profiles=("*",)),
    )
    assert places(policy, "prod-eu", "alice") == [0, 3, 4], "prod-eu begins with p, too"
    assert places(policy, "x", "bob@example.com") == [1, 4]
    assert places(policy, "x", None, "arn:aws:iam::111122223333:user/alice") == [2, 4]
    assert places(policy, "dev", "carol") == [3, 4]


def test_a_pattern_that_many_rules_share_is_not_what_they_are_found_by() -> None:
    rules = (Conditions(profiles=("payments-*",), users=(f"team{n}-*",)) for n in range(100))
    assert places(conditioned(*rules), "payments-prod", "team7-dana") == [7]


def test_a_rule_for_other_modes_is_not_looked_at() -> None:
    policy = conditioned(
        Conditions(modes=(Mode.SERVER, Mode.TVM)), Conditions(modes=(Mode.CLI,)), Conditions()
    )
    assert places(policy, "prod", "alice") == [1, 2]


def test_rules_without_names_are_always_looked_at_in_their_order() -> None:
    policy = conditioned(
        Conditions(users=("alice",)),
        Conditions(profiles=("prod*",)),
        Conditions(profiles=("prod",)),
        Conditions(users=("bob",), profiles=("prod",)),
        Conditions(),
        Conditions(not_users=("alice",), not_profiles=("prod",)),
    )
    assert places(policy, "prod", "alice") == [0, 1, 2, 4, 5]
    assert places(policy, "dev", "bob") == [3, 4, 5]


def test_a_group_is_filed_under_each_of_its_members() -> None:
    policy = conditioned(Conditions(users=("group:a",)), groups=(Group(name="a", users=("alice", "bob")),))
    assert places(policy, "prod", "bob") == [0]
    assert places(policy, "prod", "carol") == []


def test_a_rule_of_many_names_is_found_by_the_fewer_of_them() -> None:
    many, some = tuple(f"n{n}" for n in range(100)), tuple(f"m{n}" for n in range(50))
    policy = conditioned(Conditions(users=some, profiles=many), Conditions(users=many, profiles=some))
    assert places(policy, "n1", "m1") == [0]
    assert places(policy, "m1", "nobody") == [1]
    assert places(policy, "nowhere", "n1") == []


@settings(deadline=None, max_examples=150)
@given_(policies(), asks())
def test_no_rule_that_matches_is_overlooked(policy: Policy, given: PolicyAsk) -> None:
    bare = bare_name(given.principal, policy, given.home_account)
    found = Index(policy).places(given.profile, bare, given.principal.arn, given.mode)
    assert list(found) == sorted(set(found))
    standing = {n for n, rule in enumerate(policy.rules) if stands(policy, rule.conditions, given)}
    assert standing <= set(found)


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
