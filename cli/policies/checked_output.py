"""How `policy validate` and `config validate` print what they checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.output import clean

if TYPE_CHECKING:
    from cli.checked import Checked


def show(results: Sequence[Checked], output: str, *, with_kind: bool) -> None:
    """Print them; what is valid on stdout, problems on stderr, and all on stdout as JSON or SARIF."""
    from cli.checked import as_json, as_sarif

    if output == "human":
        for result in results:
            _say(result, with_kind)
        return
    click.echo(json.dumps(as_json(results) if output == "json" else as_sarif(results), indent=2))


def _say(result: Checked, with_kind: bool) -> None:
    from sentinel_server.policy.lint import Severity

    if result.valid:
        kind = f"{result.kind.words} of " if with_kind and result.kind else ""
        click.echo(clean(f"{result.source}: ok, {kind}{result.contents}"))
    for problem in result.problems:
        click.echo(clean(str(problem)), err=True)
    for found in result.findings:
        if found.severity is Severity.NOTE:
            continue  # for those who lint
        where = f"{result.source}:{found.line}:{found.column}: {found.severity.value} {found.code.value}"
        about = "" if found.rule is None else f" rule '{found.rule}'"
        click.echo(clean(f"{where}{about}: {found.message}; {found.suggestion}"), err=True)
