"""`doctor`: everything that could be wrong, looked at, with the command that mends it."""

from __future__ import annotations

from datetime import timedelta

import click

from cli.context import run
from cli.options import (
    control_option,
    flags_of,
    output_option,
    own_option,
    policy_options,
    region_option,
    store_options,
)
from cli.types import span


@click.command()
@click.argument("profile", required=False, envvar="SENTINEL_PROFILE")
@own_option(
    "DOCTOR", "--within", type=span, default="10s", show_default=True, help="How long each check may take."
)
@output_option("human", "json", "csv")
@store_options
@policy_options
@region_option
@control_option
@click.pass_context
def doctor(
    ctx: click.Context, /, profile: str | None, within: timedelta, output: str, **flags: str | None
) -> None:
    """Find what is wrong, and how to mend it.

    Looks at the configuration, this machine, AWS and, for one PROFILE, at all that its use needs. Nothing is
    changed, no role is assumed, and no secret is shown. Exits 0 when there is no problem, 1 when there is
    one, and 6 when something could not be looked at.
    """
    from cli.diagnosed import FIELDS, fields, lines
    from cli.output import show_csv, show_json
    from cli.prompt import somebody_there
    from cli.visitor import at_the_terminal
    from sentinel_server import wiring
    from sentinel_server.diagnosis.model import exit_status
    from sentinel_server.settings.environ import read_what_can_be

    settings, trouble = read_what_can_be(flags_of(flags))
    subject = wiring.Subject(
        settings=settings,
        profile=profile,
        seconds=within.total_seconds(),
        trouble=trouble,
        attended=somebody_there(),
    )
    found = run(wiring.diagnose(subject, at_the_terminal()), "looking")
    if output == "json":
        show_json(fields(found))
    elif output == "csv":
        show_csv(FIELDS, fields(found)["findings"])
    else:
        for line in lines(found):
            click.echo(line)
    ctx.exit(exit_status(found))
