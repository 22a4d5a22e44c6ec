"""`sentinel policy test`: do the decisions come out as the tests say?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import output_option, own_option
from cli.policies.files import read_or_fail

if TYPE_CHECKING:
    from sentinel_server.policy.testing import TestReport


@click.command("test")
@click.argument("file", metavar="FILE")
@click.argument("tests", nargs=-1, metavar="[TESTS]...")
@own_option("TEST", "--coverage", is_flag=True, help="List the rules that no test selects.")
@own_option(
    "TEST", "--fail-under-coverage", type=click.FloatRange(0, 100), metavar="PERCENT", help="Demand coverage."
)
@own_option("TEST", "--junit", metavar="FILE", help="Write the results as JUnit XML, too.")
@output_option("human", "json")
@click.pass_context
def test(
    ctx: click.Context,
    file: str,
    tests: tuple[str, ...],
    coverage: bool,
    fail_under_coverage: float | None,
    junit: str | None,
    output: str,
) -> None:
    """Run tests of decisions on a policy file.

    Without TESTS, those of NAME.tests.yaml beside NAME.yaml. Exits 0 when all pass, 1 when one fails or too
    few rules are selected, 2 when a file is not what it should be, 6 when one cannot be read.
    """
    from cli import tested
    from cli.output import show_json

    report = _run(file, tests)
    short = fail_under_coverage is not None and report.coverage < fail_under_coverage
    if junit is not None:
        _write(junit, report)
    if output == "json":
        show_json(tested.fields(report, file))
    else:
        for line in tested.in_words(report, coverage=coverage or short):
            click.echo(line)
    ctx.exit(0 if report.passed and not short else 1)


def _run(file: str, tests: tuple[str, ...]) -> TestReport:
    from sentinel_server.policy.cases import parse_tests
    from sentinel_server.policy.parse import parse_policy
    from sentinel_server.policy.testing import run_tests

    policy = parse_policy(read_or_fail(file), file=file)
    suites = [parse_tests(read_or_fail(name), file=name) for name in tests or (_beside(file),)]
    return run_tests(policy, *suites)


def _beside(file: str) -> str:
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.testing import tests_beside

    beside = tests_beside(Path(file))
    if file == "-" or not beside.exists():
        missing = "" if file == "-" else f": {beside} does not exist"
        raise BadInput(
            f"no tests for {file}{missing}", hint=f"name them: sentinel policy test {file} TESTS.yaml"
        )
    return str(beside)


def _write(junit: str, report: TestReport) -> None:
    from cli.junit import junit_xml
    from sentinel_server.errors import BadInput

    try:
        Path(junit).write_text(junit_xml(report), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot write {junit}: {error.strerror}") from error
