"""One way to check documents of every kind, and to say what came of it: for people, as JSON, as SARIF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sentinel_server.errors import InvalidPolicy, Problem, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.policy.bootstrap import Bootstrap
from sentinel_server.policy.documents import read_document
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.lint import Code, Finding, Severity, lint

if TYPE_CHECKING:
    from sentinel_server.policy.documents import Document

QUESTIONABLE, INVALID, UNREADABLE = 1, 2, 6
"""Exit statuses: lint has an error; something is not what it must be; something could not be looked at."""


@frozen
class Checked:
    """What came of one document: its kind when that is known, and what is in it or every problem.

    `findings` is what lint says of a valid one.
    """

    source: str
    kind: DocumentKind | None
    contents: str = ""
    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()
    unreadable: bool = False

    @property
    def valid(self) -> bool:
        """Whether it is what it must be."""
        return not self.problems


def check(read: Callable[[], bytes], source: str, kind: DocumentKind | None, now: datetime) -> Checked:
    """What comes of the document that `read` gives, and what lint says of it if it is valid.

    OSError and SentinelError mean that it cannot be read.
    """
    try:
        data = read()
    except OSError as error:
        return _unread(source, kind, error.strerror or type(error).__name__)
    except SentinelError as error:
        return _unread(source, kind, error.line())
    try:
        found, document = read_document(data, file=source, kind=kind)
    except InvalidPolicy as error:
        return Checked(source=source, kind=kind, problems=error.problems)
    said = lint(data, file=source, now=now, kind=found)
    return Checked(source=source, kind=found, contents=_contents(document), findings=said)


def exit_status(results: Sequence[Checked]) -> int:
    """6 when one could not be read, 2 when one is not valid, 1 when lint has an error, else 0."""
    if any(result.unreadable for result in results):
        return UNREADABLE
    if not all(result.valid for result in results):
        return INVALID
    return QUESTIONABLE if _count(results, Severity.ERROR) else 0


def as_json(results: Sequence[Checked]) -> dict[str, Any]:
    """Every result with its issues, and a summary."""
    problems = sum(len(result.problems) for result in results)
    valid = sum(result.valid for result in results)
    return {
        "results": [_fields(result) for result in results],
        "summary": {
            "total": len(results),
            "valid": valid,
            "invalid": len(results) - valid,
            "errors": problems + _count(results, Severity.ERROR),
            "warnings": _count(results, Severity.WARNING),
            "notes": _count(results, Severity.NOTE),
        },
    }


def _count(results: Sequence[Checked], severity: Severity) -> int:
    return sum(each.severity is severity for result in results for each in result.findings)


def as_sarif(results: Sequence[Checked]) -> dict[str, Any]:
    """The problems and findings for code hosts."""
    from cli.linted import as_result, described
    from cli.sarif import Described, Result, sarif

    codes = {
        "invalid": Described(
            name="InvalidDocument",
            text="The document says what its kind does not define.",
            help="See docs/policy.md.",
            level="error",
        ),
        "unreadable": Described(
            name="UnreadableDocument",
            text="The document could not be read.",
            help="Check the path or the parameter and the permission to read it.",
            level="error",
        ),
    }
    found = [
        Result(
            code="unreadable" if result.unreadable else "invalid",
            level="error",
            message=_words(each),
            file=result.source,
            line=each.line,
            column=each.column,
            identity=f"{each.path}\0{each.message}",
        )
        for result in results
        for each in result.problems
    ]
    found += [as_result(result.source, each) for result in results for each in result.findings]
    return sarif(found, codes | {code.value: described(code) for code in Code})


def _fields(result: Checked) -> dict[str, Any]:
    return {
        "config_type": result.kind.value if result.kind else "",
        "source": result.source,
        "valid": result.valid,
        "issues": [*map(_issue, result.problems), *map(_warning, result.findings)],
    }


def _issue(problem: Problem) -> dict[str, Any]:
    issue = {
        "severity": "error",
        "location": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }
    return {**issue, "suggestion": problem.suggestion} if problem.suggestion else issue


def _warning(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "code": finding.code.value,
        "location": finding.path,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "suggestion": finding.suggestion,
    }


def _words(problem: Problem) -> str:
    what = f"{problem.path}: {problem.message}" if problem.path else problem.message
    return f"{what}; {problem.suggestion}" if problem.suggestion else what


def _unread(source: str, kind: DocumentKind | None, why: str) -> Checked:
    problem = Problem(file=source, line=1, column=1, path="", message=f"cannot be read: {why}")
    return Checked(source=source, kind=kind, problems=(problem,), unreadable=True)


def _contents(document: Document) -> str:
    if isinstance(document, Bootstrap):
        return _counted(len(document.profiles), "profile")
    return _counted(len(document.rules), "rule")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
