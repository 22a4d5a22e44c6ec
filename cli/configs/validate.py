"""`sentinel config validate`: are these the documents they must be?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cli.configs.kinds import KINDS
from cli.context import run, settings_from
from cli.options import control_option, flags_of, output_option, own_option, region_option
from cli.policies.files import read_bounded

if TYPE_CHECKING:
    from cli.checked import Checked
    from sentinel_server.policy.kinds import DocumentKind


@click.command("validate")
@click.argument("files", nargs=-1, metavar="[FILE...]")
@own_option(
    "VALIDATE", "-p", "--path", "paths", multiple=True, metavar="FILE", help="A file, as the arguments are."
)
@own_option(
    "VALIDATE", "--ssm", "parameters", multiple=True, metavar="NAME", help="An SSM parameter; repeatable."
)
@own_option(
    "VALIDATE",
    "--kind",
    "--type",
    type=click.Choice(KINDS),
    help="What they must be; else their header or their keys tell.",
)
@output_option("human", "json", "sarif")
@region_option
@control_option
@click.pass_context
def validate(
    ctx: click.Context,
    /,
    files: tuple[str, ...],
    paths: tuple[str, ...],
    parameters: tuple[str, ...],
    kind: str | None,
    output: str,
    **flags: Any,
) -> None:
    """Check documents of every kind and list every problem.

    Reads files, stdin (-) and SSM parameters. Says what lint finds in valid ones, too. Exits 0 when all are
    valid, 1 when lint has an error, 2 when one is not valid and 6 when one cannot be read.
    """
    from cli.checked import exit_status
    from cli.policies.checked_output import show
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.kinds import DocumentKind

    wanted = None if kind is None else DocumentKind(kind)
    if not (files or paths or parameters):
        raise BadInput("nothing to check", hint="name files, - for stdin, or --ssm NAME")
    results = [*_files((*files, *paths), wanted), *_parameters(parameters, wanted, flags)]
    show(results, output, with_kind=True)
    ctx.exit(exit_status(results))


def _files(files: tuple[str, ...], kind: DocumentKind | None) -> Iterator[Checked]:
    from cli.checked import check
    from sentinel_server.clock import SystemClock

    now = SystemClock().now()
    for file in files:
        yield check(partial(read_bounded, file), "<stdin>" if file == "-" else file, kind, now)


def _parameters(
    names: tuple[str, ...], kind: DocumentKind | None, flags: dict[str, Any]
) -> Iterator[Checked]:
    from cli.checked import check
    from sentinel_server import wiring
    from sentinel_server.clock import SystemClock

    if not names:
        return
    settings = settings_from(flags_of(flags))

    def read(name: str) -> bytes:
        return run(wiring.read_parameter(settings, name))

    for name in names:
        yield check(partial(read, name), f"ssm:{name}", kind, SystemClock().now())
