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

    Says what lint finds in valid ones, too. Exits 0 when all are policies, 1 when lint has an error, 2 when
    one is no policy and 6 when one cannot be read. Asks nobody but the files.
    """
    from cli.checked import check, exit_status
    from cli.output import progress
    from cli.policies.checked_output import show
    from sentinel_server.clock import SystemClock
    from sentinel_server.policy.kinds import DocumentKind

    now = SystemClock().now()
    with progress("checking"):
        results = [
            check(partial(read_bounded, file), "<stdin>" if file == "-" else file, DocumentKind.POLICY, now)
            for file in files
        ]
    show(results, output, with_kind=False)
    ctx.exit(exit_status(results))
