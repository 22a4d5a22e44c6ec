"""What lint found in files, as lines of at most 80 columns, as data, and as SARIF."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from cli.layout import clean
from cli.sarif import Described, Result, sarif
from sentinel_server.errors import Problem
from sentinel_server.frozen import frozen
from sentinel_server.policy.lint import Code, Finding, Severity

_WIDTH = 80
INVALID = "InvalidPolicy"
"""The code of what makes a text no policy."""


@frozen
class Linted:
    """One file: its findings, or the problems for which it is no policy, or why it could not be read.

    `kind` is the word of its kind.
    """

    file: str
    kind: str = "policy"
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    unreadable: str = ""

    def worst(self) -> int:
        """The rank of the worst finding, 0 when there is none."""
        return max((finding.severity.rank for finding in self.findings), default=0)


def lines(linted: Linted) -> Iterator[str]:
    """For people: every finding with its why and what to do, then a count."""
    for finding in linted.findings:
        yield from _finding(linted.file, finding)
    yield clean(f"{linted.file}: {_count(linted)}")


def fields(results: Sequence[Linted]) -> dict[str, Any]:
    """For programs."""
    everything = [finding for linted in results for finding in linted.findings]
    counts = {each.value: sum(f.severity is each for f in everything) for each in Severity}
    return {"results": [_file(linted) for linted in results], "summary": {"files": len(results), **counts}}


def as_sarif(results: Sequence[Linted]) -> dict[str, Any]:
    """For code hosts; a text that is no policy and a file that cannot be read are errors there."""
    found = [result for linted in results for result in _results(linted)]
    return sarif(found, {code.value: described(code) for code in Code})


def _finding(file: str, finding: Finding) -> Iterator[str]:
    where = f"{file}:{finding.line}:{finding.column}: {finding.severity.value} {finding.code.value}"
    about = "" if finding.rule is None else f" rule '{finding.rule}'"
    yield _wrapped(f"{where}{about}: {finding.message}")
    yield _wrapped(f"why: {finding.why}", "  ", "       ")
    yield _wrapped(f"try: {finding.suggestion}", "  ", "       ")


def _wrapped(text: str, first: str = "", rest: str = "  ") -> str:
    return textwrap.fill(
        clean(text), _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


def _count(linted: Linted) -> str:
    counts = Counter(finding.severity for finding in linted.findings)
    said = [f"{counts[each]} {each.value}{'s' * (counts[each] > 1)}" for each in Severity if counts[each]]
    return ", ".join(said) or "nothing found"


def _file(linted: Linted) -> dict[str, Any]:
    return {
        "file": linted.file,
        "kind": linted.kind,
        "valid": not (linted.problems or linted.unreadable),
        "unreadable": linted.unreadable or None,
        "problems": [_problem(problem) for problem in linted.problems],
        "findings": [_data(finding) for finding in linted.findings],
    }


def _data(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code.value,
        "name": finding.code.about.name,
        "severity": finding.severity.value,
        "line": finding.line,
        "column": finding.column,
        "path": finding.path,
        "rule": finding.rule,
        "message": finding.message,
        "why": finding.why,
        "suggestion": finding.suggestion,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def _results(linted: Linted) -> Iterator[Result]:
    if linted.unreadable:
        yield Result(code="Unreadable", level="error", message=linted.unreadable, file=linted.file)
    for problem in linted.problems:
        said = f"{problem.path}: {problem.message}" if problem.path else problem.message
        yield Result(
            code=INVALID,
            level="error",
            message=f"{said}; {problem.suggestion}" if problem.suggestion else said,
            file=linted.file,
            line=problem.line,
            column=problem.column,
        )
    yield from (as_result(linted.file, finding) for finding in linted.findings)


def as_result(file: str, finding: Finding) -> Result:
    """One finding for SARIF."""
    about = "" if finding.rule is None else f"rule '{finding.rule}': "
    return Result(
        code=finding.code.value,
        level=finding.severity.value,
        message=f"{about}{finding.message}. {finding.why} Try: {finding.suggestion}",
        file=file,
        line=finding.line,
        column=finding.column,
        identity=f"{finding.rule}\0{finding.path.rpartition(']')[2]}",
    )


def described(code: Code) -> Described:
    """What SARIF says of a code."""
    about = code.about
    return Described(
        name=about.name,
        text=f"{about.text[0].upper()}{about.text[1:]}.",
        help=f"{about.why} Try: {about.way_out}.",
        level=about.severity.value,
    )
