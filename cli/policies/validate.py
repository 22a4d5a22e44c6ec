"""`sentinel policy validate`: is this text a policy?"""

from __future__ import annotations

from functools import partial

import click

from cli.options import output_option
from cli.policies.files import read_bounded


@click.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@output_option("human", "json", "sarif")
@click.pass_context
def validate(ctx: click.Context, files: tuple[str, ...], output: str) -> None:
    """Check policy files (- is stdin) and list every problem.

    Exits 0 when all are policies, 2 when one is not and 6 when one cannot be read. Asks nobody but the files.
    """
    from cli.checked import check, exit_status
    from cli.policies.checked_output import show
    from sentinel_server.policy.kinds import DocumentKind

    results = [
        check(partial(read_bounded, file), "<stdin>" if file == "-" else file, DocumentKind.POLICY)
        for file in files
    ]
    show(results, output, with_kind=False)
    ctx.exit(exit_status(results))
