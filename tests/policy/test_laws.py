"""Laws that hold for every policy and every ask."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.explain import explain
from sentinel_server.policy.match import profile_test, users_test
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.printing import print_policy
from sentinel_server.policy.schema import Conditions, Effect, Policy, Rule
from tests.policy.plain import fits, plain_evaluate
from tests.strategies import asks, policies

DENY_ALL = Rule(name="nobody", effect=Effect.DENY)


@settings(deadline=None, max_examples=60)
@given(policies())
def test_a_printed_policy_parses_as_the_same_policy(policy: Policy) -> None:
    assert parse_policy(print_policy(policy), file="printed") == policy


@settings(deadline=None, max_examples=120)
@given(policies(), st.lists(asks(), min_size=1, max_size=4))
def test_an_index_decides_what_reading_rule_after_rule_does(policy: Policy, given: list[PolicyAsk]) -> None:
    for ask in given * 2:  # what is remembered of the first time decides the second
        assert evaluate(policy, ask) == plain_evaluate(policy, ask)


@settings(deadline=None, max_examples=60)
@given(policies(), asks())
def test_every_ask_gets_a_decision_and_a_reason_for_every_rule_before_it(
    policy: Policy, ask: PolicyAsk
) -> None:
    decision = evaluate(policy, ask)
    steps = explain(policy, ask)
    if decision.rule is None:
        assert decision.index == -1
        assert len(steps) == len(policy.rules)
    else:
        assert policy.rules[decision.index] is decision.rule
        assert [step.index for step in steps] == list(range(decision.index))
    assert all(step.why_not.isprintable() for step in steps)


@settings(deadline=None, max_examples=60)
@given(policies(), asks())
def test_putting_a_deny_rule_first_never_widens_access(policy: Policy, ask: PolicyAsk) -> None:
    decision = evaluate(replace(policy, rules=(DENY_ALL, *policy.rules)), ask)
    assert (decision.rule, decision.index, decision.device_blocked) == (DENY_ALL, 0, None)


@settings(deadline=None, max_examples=60)
@given(policies(), asks())
def test_rules_after_the_deciding_one_do_not_matter(policy: Policy, ask: PolicyAsk) -> None:
    decision = evaluate(policy, ask)
    if decision.rule is not None:
        assert evaluate(replace(policy, rules=policy.rules[: decision.index + 1]), ask) == decision


@settings(deadline=None, max_examples=60)
@given(policies(), asks())
def test_a_rule_without_conditions_at_the_end_catches_what_no_rule_matches(
    policy: Policy, ask: PolicyAsk
) -> None:
    decision = evaluate(policy, ask)
    caught = evaluate(replace(policy, rules=(*policy.rules, DENY_ALL)), ask)
    assert caught.rule is (decision.rule or DENY_ALL)


@settings(deadline=None, max_examples=60)
@given(policies(), asks())
def test_dropping_a_condition_never_stops_a_rule_from_matching(policy: Policy, ask: PolicyAsk) -> None:
    rule = policy.rules[0]
    if evaluate(replace(policy, rules=(rule,)), ask).rule is None:
        return
    wider = replace(rule, conditions=Conditions(profiles=rule.conditions.profiles))
    assert evaluate(replace(policy, rules=(wider,)), ask).rule is wider


@settings(deadline=None, max_examples=60)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_a_name_pattern_means_what_a_shell_pattern_does(pattern: str, name: str) -> None:
    assert bool(profile_test((pattern,))(name)) == fnmatchcase(name, pattern)


@settings(deadline=None, max_examples=60)
@given(st.text("ab*?:/", max_size=8), st.text("ab:/", max_size=9))
def test_a_wildcard_in_an_arn_pattern_stays_within_its_field_and_segment(pattern: str, text: str) -> None:
    pattern, text = f"arn:{pattern}", f"arn:{text}"
    assert bool(users_test((pattern,)).arn(text)) == fits(pattern, text)


@settings(deadline=None, max_examples=60)
@given(policies(), st.lists(asks(), min_size=2, max_size=6))
def test_what_was_asked_before_changes_no_decision(policy: Policy, asked: list[PolicyAsk]) -> None:
    for ask in asked:
        never_asked = replace(policy, rules=(*policy.rules,))
        assert evaluate(policy, ask) == evaluate(never_asked, ask)


@settings(deadline=None, max_examples=60)
@given(policies(), asks(), asks())
def test_what_is_remembered_of_an_asker_holds_at_any_time(
    policy: Policy, ask: PolicyAsk, other: PolicyAsk
) -> None:
    evaluate(policy, ask)
    later = replace(ask, now=other.now)
    never_asked = replace(policy, rules=(*policy.rules,))
    assert evaluate(policy, later) == evaluate(never_asked, later)
