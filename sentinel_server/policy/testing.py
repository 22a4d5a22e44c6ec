"""Runs tests against a policy, and says which rules they reach. Reading files is the caller's affair."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import product
from pathlib import Path
from typing import ClassVar

from sentinel_server.frozen import frozen
from sentinel_server.policy.cases import MONDAY, Case, Expectation, Suite
from sentinel_server.policy.cast import home_of, principal_named
from sentinel_server.policy.evaluate import PolicyAsk, PolicyDecision, evaluate
from sentinel_server.policy.explain import Step, explain
from sentinel_server.policy.outcome import outcome
from sentinel_server.policy.schema import Effect, Policy
from sentinel_server.policy.stretches import home_zone, periods, windows_met

SHOWN = 3
"""Failures of one test that are kept; the rest are counted."""
_SINCE = datetime.combine(MONDAY, time(), tzinfo=UTC)


@frozen
class Failure:
    """One ask that came to something else: `faults` says how, `trace` why no earlier rule decided."""

    ask: PolicyAsk
    effect: Effect
    outcome: Effect
    decision: PolicyDecision
    faults: tuple[str, ...]
    trace: tuple[Step, ...]


@frozen
class CaseResult:
    """What became of one test: `asked` asks, of which `failed` came to something else, the first kept."""

    file: str
    case: Case
    asked: int
    failed: int
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Whether every ask came to what is expected."""
        return self.failed == 0


@frozen
class TestReport:
    """The results of all tests, and the indexes of the rules that decided at least one ask."""

    __test__: ClassVar[bool] = False

    results: tuple[CaseResult, ...]
    rules: tuple[str, ...]
    selected: frozenset[int]

    @property
    def passed(self) -> bool:
        """Whether every test passed. No test at all has not failed."""
        return all(result.passed for result in self.results)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The tests that did not pass."""
        return tuple(result for result in self.results if not result.passed)

    @property
    def uncovered(self) -> tuple[int, ...]:
        """The indexes of the rules that no test selects."""
        return tuple(index for index in range(len(self.rules)) if index not in self.selected)

    @property
    def coverage(self) -> float:
        """The part of the rules that tests select, in percent."""
        return 100 * len(self.selected) / len(self.rules) if self.rules else 100.0


def tests_beside(path: Path) -> Path:
    """Where the tests of a policy file are looked for: `prod.tests.yaml` beside `prod.yaml`."""
    return path.with_suffix(f".tests{path.suffix or '.yaml'}")


def run_tests(policy: Policy, *suites: Suite) -> TestReport:
    """Every case of every suite, asked of `policy`."""
    results: list[CaseResult] = []
    selected: set[int] = set()
    for suite in suites:
        for case in suite.cases:
            result, indexes = _run(policy, suite, case)
            results.append(result)
            selected |= indexes
    return TestReport(
        results=tuple(results),
        rules=tuple(rule.name for rule in policy.rules),
        selected=frozenset(selected - {-1}),
    )


def asks_of(policy: Policy, suite: Suite, case: Case) -> Iterator[PolicyAsk]:
    """Everything that a case asks.

    Without a time it asks once for every combination of open and closed that the windows can meet on which
    the decision depends.
    """
    zone = home_zone([policy])
    for who, profile, mode in product(case.who, case.profiles, case.modes):
        principal = principal_named(who, home_of(policy, suite.account))
        ask = PolicyAsk(
            principal=principal,
            profile=profile,
            mode=mode,
            now=_SINCE,
            home_account=suite.account or principal.account,
        )
        for now in case.when or _moments(policy, ask):
            yield replace(ask, now=now if case.when else now.astimezone(zone))


def _moments(policy: Policy, ask: PolicyAsk) -> Iterable[datetime]:
    weeks = periods(windows_met([policy], ask), _SINCE)
    stretches = [stretch for week in weeks for stretch in week.stretches]
    first = {stretch.open: stretch.start for stretch in reversed(stretches)}
    return sorted(first.values())


def _run(policy: Policy, suite: Suite, case: Case) -> tuple[CaseResult, set[int]]:
    failures: list[Failure] = []
    indexes: set[int] = set()
    asked = failed = 0
    for ask in asks_of(policy, suite, case):
        asked += 1
        decision = evaluate(policy, ask)
        indexes.add(decision.index)
        failure = _failure(policy, case, ask, decision)
        failed += failure is not None
        if failure is not None and len(failures) < SHOWN:
            failures.append(failure)
    result = CaseResult(file=suite.file, case=case, asked=asked, failed=failed, failures=tuple(failures))
    return result, indexes


def _failure(policy: Policy, case: Case, ask: PolicyAsk, decision: PolicyDecision) -> Failure | None:
    effect = Effect.DENY if decision.rule is None else decision.rule.effect
    met = outcome(decision, ask.mode, shared_store=case.shared_store)
    faults = tuple(_faults(policy, case.expect, decision, effect, met))
    if not faults:
        return None
    trace = explain(policy, ask)
    return Failure(ask=ask, effect=effect, outcome=met, decision=decision, faults=faults, trace=trace)


def _faults(
    policy: Policy, expect: Expectation, decision: PolicyDecision, effect: Effect, met: Effect
) -> Iterator[str]:
    if expect.effect not in (None, effect):
        yield f"effect {effect.value} instead of {expect.effect.value}"
    if expect.outcome not in (None, met):
        yield f"outcome {met.value} instead of {expect.outcome.value}"
    yield from _rule_faults(policy, expect, decision)
    reason = "" if decision.rule is None else decision.rule.reason
    if expect.reason not in (None, reason):
        yield f"reason {reason!r} instead of {expect.reason!r}"


def _rule_faults(policy: Policy, expect: Expectation, decision: PolicyDecision) -> Iterator[str]:
    name = None if decision.rule is None else decision.rule.name
    found = "no rule" if name is None else f"rule {name!r}"
    if expect.nothing_matches and name is not None:
        yield f"{found} decides where none should"
    elif expect.rule is not None and name != expect.rule:
        yield f"{found} decides instead of {expect.rule!r}{_unknown(policy, expect.rule)}"


def _unknown(policy: Policy, name: str) -> str:
    known = [rule.name for rule in policy.rules]
    if name in known:
        return ""
    near = difflib.get_close_matches(name, known, n=1)
    return ", which the policy does not have" + (f"; did you mean {near[0]!r}?" if near else "")
