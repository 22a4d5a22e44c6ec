"""What a policy has to pass before it may be pushed, and what it would change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import clean, note, progress
from cli.policies.files import read_or_fail
from sentinel_server.clock import SystemClock
from sentinel_server.errors import Findings, InvalidPolicy

if TYPE_CHECKING:
    from sentinel_server.policy.kinds import DocumentKind
    from sentinel_server.policy.schema import Policy
    from sentinel_server.policy.stored import Stored


def check(data: bytes, file: str, kind: DocumentKind, *, tests: bool) -> None:
    """Read the document, lint it, and with `tests` run those beside the file of an access policy.

    Warnings of lint are said. Raises InvalidPolicy when it is none, Findings when lint has an error or a test
    fails, PolicyUnavailable when the tests cannot be read.
    """
    from sentinel_server.policy.documents import parse_document
    from sentinel_server.policy.schema import Policy

    document = parse_document(data, file=file, kind=kind)
    with progress("linting"):
        errors = _linted(data, file, kind)
    if errors:
        raise Findings("\n".join([f"lint speaks against {file}", *errors]), hint="mend it, then push again")
    if tests and isinstance(document, Policy):
        _test(document, file)


def _linted(data: bytes, file: str, kind: DocumentKind) -> list[str]:
    """The errors of lint; all else is said at once."""
    from sentinel_server.policy.lint import Severity, lint

    errors = []
    for found in lint(data, file=file, now=SystemClock().now(), kind=kind):
        line = f"{file}:{found.line}:{found.column}: {found.code.value} {found.message}"
        if found.severity is Severity.ERROR:
            errors.append(line)
        elif found.severity is Severity.WARNING:
            note(f"warning: {line}")
    return errors


def _test(policy: Policy, file: str) -> None:
    from cli.tested import failure_lines
    from sentinel_server.policy.cases import parse_tests
    from sentinel_server.policy.testing import run_tests, tests_beside

    beside = tests_beside(Path(file))
    if not beside.exists():
        return
    report = run_tests(policy, parse_tests(read_or_fail(str(beside)), file=str(beside)))
    if report.passed:
        note(f"{len(report.results)} tests of {beside} passed")
        return
    lines = [f"{len(report.failed)} of {len(report.results)} tests of {beside} failed"]
    for result in report.failed:
        lines += [f"FAIL  {clean(result.case.name)}", *failure_lines(result)]
    raise Findings("\n".join(lines), hint=f"run them alone: sentinel policy test {file}")


def meaning(seen: Stored, data: bytes) -> Iterator[str]:
    """Who would gain and lose what by an access policy, in lines; nothing when the old one is none."""
    from cli.compared import meaning_lines
    from cli.policies.shelf import kind_of
    from sentinel_server.policy.comparing import NOTHING, compare
    from sentinel_server.policy.kinds import DocumentKind
    from sentinel_server.policy.parse import parse_policy

    if kind_of(seen.profile) is not DocumentKind.POLICY:
        return
    try:
        old = NOTHING if seen.data is None else parse_policy(seen.data, file=seen.name)
    except InvalidPolicy:
        yield "what is stored is no policy, so its meaning cannot be compared"
        return
    now = SystemClock().now().replace(second=0, microsecond=0)
    with progress("comparing"):
        found = compare(
            old,
            parse_policy(data, file="FILE"),
            since=now,
            home_account=seen.place.account or None,
            profiles=(seen.profile,),
        )
    yield from meaning_lines(found)
