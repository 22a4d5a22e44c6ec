"""`whoami`: the identity that policies are asked about."""

from __future__ import annotations

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, output_option, profiles_beginning, region_option


@click.command()
@click.option(
    "--profile",
    metavar="NAME",
    envvar="SENTINEL_PROFILE",
    show_envvar=True,
    help="Whose base credentials.",
    shell_complete=profiles_beginning,
)
@output_option("human", "json")
@region_option
@control_option
def whoami(profile: str | None, output: str, **flags: str | None) -> None:
    """Say who AWS and policies think you are.

    Asks AWS with the base credentials of the profile, never with its role.
    """
    from cli import tables
    from cli.output import show_json, show_lines
    from sentinel_server import wiring
    from sentinel_server.identity.source_identity import stamp_user
    from sentinel_server.policy.match import bare_name
    from sentinel_server.policy.schema import Policy

    settings = settings_from(flags_of(flags))
    principal = run(wiring.whoami(settings, profile), "asking STS")
    # A policy without `trusted_accounts`, stored in the principal's own account, which is the usual one.
    bare = bare_name(principal, Policy(rules=()), principal.account)
    person, stamp = settings.persons.key(principal), stamp_user(principal)
    if output == "json":
        show_json(tables.principal_fields(principal, person, bare, stamp))
    else:
        show_lines(tables.principal_lines(principal, person, bare, stamp))
