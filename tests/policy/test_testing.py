"""Tests of policies fail when a decision is another one, and say how it came about."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.policy import testing
from sentinel_server.policy.cases import Case, Expectation, Suite, parse_tests
from sentinel_server.policy.evaluate import evaluate
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Effect, Mode, Policy
from sentinel_server.policy.testing import TestReport, asks_of, run_tests
from tests.strategies import PROFILES, USERS, instants, policies

POLICY = parse_policy(
    """\
version: "1"
trusted_accounts: [111122223333]
groups: {oncall: [alice, carol]}
rules:
  - name: freeze
    effect: deny
    reason: no changes at weekends
    conditions: {profiles: ["prod*"], time: {days: [saturday, sunday], timezone: Europe/Berlin}}
  - name: on call
    effect: require_server
    conditions: {users: ["group:oncall"], time: {hours: {start: "08:00", end: "20:00"}}}
  - name: shared
    effect: require_server_session
    conditions: {users: [bob]}
  - {name: managed, effect: allow, conditions: {device: {require_mdm: true, override: none}}}
""",
    file="policy",
)


def run(cases: str, policy: Policy = POLICY) -> TestReport:
    """What these cases, one a line, come to."""
    body = "\n".join(f"  - {{name: n{i}, {line}}}" for i, line in enumerate(cases.strip().splitlines()))
    return run_tests(policy, parse_tests(f"tests:\n{body}", file="t.yaml"))


def faults(case: str) -> list[str]:
    """What is wrong with the first ask of one case."""
    (result,) = run(case).results
    return list(result.failures[0].faults) if result.failures else []


def test_a_decision_as_expected_passes() -> None:
    report = run(
        """
        who: alice, profile: prod, when: saturday 10:00 Europe/Berlin, expect: {effect: deny, rule: freeze}
        who: carol, profile: prod, when: monday 10:00, expect: {effect: require_server, outcome: allow}
        who: alice, profile: prod, mode: cli, when: monday 10:00, expect: {outcome: require_server}
        who: alice, profile: dev, when: monday 07:00, expect: {effect: deny, rule: none, outcome: deny}
        who: bob, profile: dev, expect: {outcome: allow, rule: shared}
        who: bob, profile: dev, shared_store: false, expect: {outcome: require_server_session}
        who: mallory, profile: prod, when: sunday 10:00, expect: {reason: no changes at weekends}
        """
    )
    assert (report.passed, report.failed, len(report.results)) == (True, (), 7)


def test_every_fault_is_named() -> None:
    assert faults(
        "who: bob, profile: dev, mode: cli, expect: {effect: allow, outcome: allow, reason: x}"
    ) == [
        "effect require_server_session instead of allow",
        "outcome require_server instead of allow",
        "reason '' instead of 'x'",
    ]
    assert faults("who: bob, profile: dev, expect: {rule: none}") == [
        "rule 'shared' decides where none should"
    ]
    assert faults("who: zoe, profile: dev, expect: {rule: shared}") == ["no rule decides instead of 'shared'"]


def test_a_rule_the_policy_does_not_have_is_said_to_be_none() -> None:
    assert faults("who: bob, profile: dev, expect: {rule: sharde}") == [
        "rule 'shared' decides instead of 'sharde', which the policy does not have; did you mean 'shared'?"
    ]
    assert faults("who: bob, profile: dev, expect: {rule: x}")[0].endswith("which the policy does not have")


def test_a_failure_says_why_earlier_rules_did_not_decide() -> None:
    (result,) = run("who: bob, profile: dev, expect: {effect: deny}").results
    assert [step.rule for step in result.failures[0].trace] == ["freeze", "on call"]
    assert (
        "alice, carol" in result.failures[0].trace[1].why_not
        or "group:oncall" in result.failures[0].trace[1].why_not
    )


def test_a_case_without_a_time_must_hold_at_any() -> None:
    (result,) = run("who: alice, profile: prod, expect: {effect: require_server}").results
    assert not result.passed
    said = {fault for failure in result.failures for fault in failure.faults}
    assert said == {"effect deny instead of require_server"}
    assert result.asked > result.failed > 0
    assert run("who: alice, profile: prod, mode: cli, expect: {outcome: require_server}").passed is False
    assert run("who: bob, profile: dev, expect: {rule: shared}").passed


def test_few_failures_of_a_case_are_kept_and_all_are_counted() -> None:
    names = ", ".join(f"n{i}" for i in range(9))
    (result,) = run(f"who: [{names}], profile: dev, when: monday 10:00, expect: {{effect: allow}}").results
    assert (result.asked, result.failed, len(result.failures)) == (9, 9, testing.SHOWN)


def test_every_combination_of_a_case_is_asked() -> None:
    suite = parse_tests(
        "tests: [{name: a, who: [alice, bob], profile: [dev, prod], mode: [cli, tvm],"
        " when: [monday 10:00, monday 11:00], expect: {effect: deny}}]",
        file="t",
    )
    assert (
        len({(a.principal.name, a.profile, a.mode, a.now) for a in asks_of(POLICY, suite, suite.cases[0])})
        == 16
    )


def test_a_bare_name_is_a_user_of_the_first_trusted_account_or_of_the_account_given() -> None:
    anyone = parse_policy(
        "version: 1\nrules: [{name: a, effect: allow, conditions: {users: [zoe]}}]", file="p"
    )
    arn = "arn:aws:iam::999999999999:user/zoe"
    case = "tests: [{name: a, who: %s, profile: p, expect: {effect: %s}}]"
    for text in (
        case % ("zoe", "allow"),
        case % (arn, "allow"),
        "account: '999999999999'\n" + case % (arn, "allow"),
        "account: '111122223333'\n" + case % (arn, "deny"),
        "account: '111122223333'\n" + case % ("zoe", "allow"),
    ):
        assert run_tests(anyone, parse_tests(text, file="t")).passed, text


def test_rules_that_no_test_selects_are_uncovered() -> None:
    report = run("who: bob, profile: dev, expect: {effect: allow}")
    assert [report.rules[index] for index in report.uncovered] == ["freeze", "on call", "managed"]
    assert report.coverage == 25


def test_a_device_in_the_way_is_a_denial_at_the_door() -> None:
    (result,) = run("who: zoe, profile: dev, when: monday 10:00, expect: {outcome: allow}").results
    (failure,) = result.failures
    assert failure.decision.device_blocked is not None
    assert failure.outcome is Effect.DENY


def test_no_test_has_not_failed_and_covers_nothing() -> None:
    report = run_tests(POLICY)
    assert (report.passed, report.coverage) == (True, 0)
    assert run_tests(Policy(rules=())).coverage == 100


def test_tests_lie_beside_their_policy() -> None:
    assert testing.tests_beside(Path("a/prod.yaml")) == Path("a/prod.tests.yaml")
    assert testing.tests_beside(Path("prod.eu.yml")) == Path("prod.eu.tests.yml")
    assert testing.tests_beside(Path("prod")) == Path("prod.tests.yaml")


def suites() -> st.SearchStrategy[Suite]:
    """Suites of a few cases, some without a time."""
    cases = st.builds(
        Case,
        name=st.just("a case"),
        line=st.just(1),
        who=st.lists(st.sampled_from(USERS), min_size=1, max_size=2).map(tuple),
        profiles=st.lists(st.sampled_from(PROFILES), min_size=1, max_size=2).map(tuple),
        modes=st.lists(st.sampled_from(Mode), min_size=1, max_size=2).map(tuple),
        when=st.lists(instants(), max_size=2).map(tuple),
        shared_store=st.booleans(),
        expect=st.builds(Expectation, effect=st.sampled_from(Effect)),
    )
    return st.builds(Suite, file=st.just("t"), cases=st.lists(cases, min_size=1, max_size=3).map(tuple))


@settings(deadline=None, max_examples=60)
@given(policies(), suites())
def test_every_claim_of_coverage_and_of_failure_agrees_with_evaluate(policy: Policy, suite: Suite) -> None:
    report = run_tests(policy, suite)
    found = [evaluate(policy, ask) for case in suite.cases for ask in asks_of(policy, suite, case)]
    assert report.selected == {decision.index for decision in found} - {-1}
    assert set(report.uncovered) == set(range(len(policy.rules))) - {decision.index for decision in found}
    for case, result in zip(suite.cases, report.results, strict=True):
        effects = [
            Effect.DENY if (rule := evaluate(policy, ask).rule) is None else rule.effect
            for ask in asks_of(policy, suite, case)
        ]
        assert (result.asked, result.failed) == (
            len(effects),
            sum(e is not case.expect.effect for e in effects),
        )
