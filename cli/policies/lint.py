"""`sentinel policy lint`: is a valid policy also one that says what its author means?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.options import own_option
from cli.policies.files import read_bounded

if TYPE_CHECKING:
    from datetime import datetime

    from cli.linted import Linted

SEVERITIES = ("error", "warning", "note")
"""The values of `Severity`, here so that `--help` need not import it; a test holds them together."""


@click.command("lint")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "--output",
    "output",
    type=click.Choice(("human", "json", "sarif")),
    default="human",
    show_default=True,
    envvar="SENTINEL_OUTPUT",
    help="Format of what is printed.",
)
@click.option("--json", "output", flag_value="json", help="Short for --format json.")
@own_option(
    "LINT",
    "--fail-on",
    type=click.Choice((*SEVERITIES, "never")),
    default="error",
    show_default=True,
    help="The least severity that exits 1.",
)
@click.pass_context
def lint(ctx: click.Context, files: tuple[str, ...], output: str, fail_on: str) -> None:
    """Find rules that cannot be reached and other mistakes in valid policies (- is stdin).

    Exits 0 when nothing is as bad as --fail-on, 1 when something is, 2 when a file is no policy, 6 when one
    cannot be read. What is found is explained in docs/policy-lint.md. Asks nobody but the files.
    """
    from cli.linted import as_sarif, fields
    from cli.output import progress, show_json
    from sentinel_server.clock import SystemClock

    now = SystemClock().now()
    with progress("linting"):
        results = [_linted(file, now) for file in files]
    if output == "human":
        for result in results:
            _say(result)
    else:
        show_json(fields(results) if output == "json" else as_sarif(results))
    ctx.exit(_status(results, fail_on))


def _linted(file: str, now: datetime) -> Linted:
    from cli.linted import Linted
    from sentinel_server.errors import InvalidPolicy
    from sentinel_server.policy.documents import read_document
    from sentinel_server.policy.lint import lint as findings

    name = "<stdin>" if file == "-" else file
    try:
        data = read_bounded(file)
        kind, _ = read_document(data, file=name)
    except OSError as error:
        return Linted(file=name, unreadable=f"cannot be read: {error.strerror}")
    except InvalidPolicy as error:
        return Linted(file=name, problems=error.problems)
    return Linted(file=name, kind=kind.value, findings=findings(data, file=name, now=now, kind=kind))


def _say(linted: Linted) -> None:
    from cli.linted import lines
    from cli.output import clean

    for problem in linted.problems:
        click.echo(clean(str(problem)), err=True)
    if linted.unreadable:
        click.echo(clean(f"{linted.file}:1:1: {linted.unreadable}"), err=True)
    if not (linted.problems or linted.unreadable):
        for line in lines(linted):
            click.echo(line)


def _status(results: list[Linted], fail_on: str) -> int:
    from sentinel_server.policy.lint import Severity

    if any(linted.unreadable for linted in results):
        return 6
    if any(linted.problems for linted in results):
        return 2
    if fail_on == "never":
        return 0
    return 1 if max(linted.worst() for linted in results) >= Severity(fail_on).rank else 0
