"""`sentinel policy validate`: is this text a policy?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cli.options import output_option
from cli.policies.files import read_bounded

if TYPE_CHECKING:
    from sentinel_server.errors import Problem


@click.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@output_option("human", "json")
@click.pass_context
def validate(ctx: click.Context, files: tuple[str, ...], output: str) -> None:
    """Check policy files (- is stdin) and list every problem.

    Exits 0 when all are policies and 2 when one is not. Asks nobody but the files.
    """
    results = [_checked(file) for file in files]
    if output == "json":
        click.echo(json.dumps({"results": results}, indent=2))
    else:
        for result in results:
            _say(result)
    ctx.exit(0 if all(result["valid"] for result in results) else 2)


def _checked(file: str) -> dict[str, Any]:
    from sentinel_server.errors import InvalidPolicy, Problem
    from sentinel_server.policy.parse import parse_policy

    name = "<stdin>" if file == "-" else file
    try:
        rules = parse_policy(read_bounded(file), file=name).rules
    except InvalidPolicy as error:
        return {"file": name, "valid": False, "rules": None, "problems": [_fields(p) for p in error.problems]}
    except OSError as error:
        why = Problem(file=name, line=1, column=1, path="", message=f"cannot be read: {error.strerror}")
        return {"file": name, "valid": False, "rules": None, "problems": [_fields(why)]}
    return {"file": name, "valid": True, "rules": len(rules), "problems": []}


def _fields(problem: Problem) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(problem)


def _say(result: dict[str, Any]) -> None:
    from sentinel_server.errors import Problem

    if result["valid"]:
        count = result["rules"]
        click.echo(f"{result['file']}: ok, {count} rule{'' if count == 1 else 's'}")
    for fields in result["problems"]:
        click.echo(str(Problem(**fields)), err=True)
