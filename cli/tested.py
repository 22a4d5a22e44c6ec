"""What tests of a policy came to, as data and as words of at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from cli.layout import clean
from sentinel_server.policy.testing import CaseResult, Failure, TestReport

_WIDTH = 80


def fields(report: TestReport, policy: str) -> dict[str, Any]:
    """Everything, for `--output json`."""
    return {
        "policy": policy,
        "passed": report.passed,
        "tests": [_result(result) for result in report.results],
        "summary": {"total": len(report.results), "failed": len(report.failed)},
        "coverage": {
            "percent": round(report.coverage, 1),
            "rules": len(report.rules),
            "not_selected": [{"rule_index": i, "rule": report.rules[i]} for i in report.uncovered],
        },
    }


def in_words(report: TestReport, *, coverage: bool) -> Iterator[str]:
    """Each failure, then one line of summary; with `coverage`, the rules that no test selects."""
    for result in report.failed:
        yield f"FAIL  {clean(result.case.name)}  ({clean(result.file)}:{result.case.line})"
        yield from failure_lines(result)
        yield ""
    if coverage and report.uncovered:
        yield "rules that no test selects:"
        yield from (_fill(f"{index + 1}, {report.rules[index]}", "  ") for index in report.uncovered)
        yield ""
    total, failed = len(report.results), len(report.failed)
    what = f"{total} test{'' if total == 1 else 's'}, {failed or 'none'} failed"
    yield f"{what}; {len(report.selected)} of {len(report.rules)} rules selected ({report.coverage:.0f}%)"


def failure_lines(result: CaseResult) -> Iterator[str]:
    """What was asked, what came of it, and why no earlier rule decided."""
    for failure in result.failures:
        yield from _failure(failure)
    if more := result.failed - len(result.failures):
        yield f"      and {more} more of {result.asked} asks"


def _failure(failure: Failure) -> Iterator[str]:
    ask, decision = failure.ask, failure.decision
    at = f"{ask.now:%A} {ask.now.isoformat(timespec='minutes')}"
    yield _fill(f"asked     {ask.principal.arn} for {ask.profile} by {ask.mode.value} at {at}")
    rule = "no rule" if decision.rule is None else f"rule {decision.index + 1}, {decision.rule.name}"
    met = "" if failure.outcome is failure.effect else f", which is {failure.outcome.value} at that door"
    yield _fill(f"decided   {failure.effect.value} by {rule}{met}")
    if decision.device_blocked is not None:
        yield _fill(f"device    rule {decision.device_blocked.name} insists on a device; nothing lifts that")
    yield from (_fill(f"{'wrong' if not i else '':10}{fault}") for i, fault in enumerate(failure.faults))
    for i, step in enumerate(failure.trace):
        yield _fill(f"{'' if i else 'not':10}{step.index + 1}, {step.rule}: {step.why_not}")


def _result(result: CaseResult) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "file": result.file,
        "line": result.case.line,
        "passed": result.passed,
        "asked": result.asked,
        "failed": result.failed,
        "failures": [_failure_fields(failure) for failure in result.failures],
    }


def _failure_fields(failure: Failure) -> dict[str, Any]:
    ask, decision = failure.ask, failure.decision
    return {
        "principal": ask.principal.arn,
        "profile": ask.profile,
        "mode": ask.mode.value,
        "at": ask.now.isoformat(),
        "effect": failure.effect.value,
        "outcome": failure.outcome.value,
        "rule": None if decision.rule is None else decision.rule.name,
        "rule_index": decision.index,
        "faults": list(failure.faults),
        "trace": [
            {"rule_index": step.index, "rule": step.rule, "why_not": step.why_not} for step in failure.trace
        ],
    }


def _fill(text: str, indent: str = "      ") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + " " * 10, break_on_hyphens=False
    )
