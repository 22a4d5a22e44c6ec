"""`sso logout`: end logins, so that nobody can use what is kept of them."""

from __future__ import annotations

import click

from cli.context import run, settings_from
from cli.layout import clean
from cli.logins.which import profile_option, session_option
from cli.options import output_option


@click.command("logout")
@profile_option
@session_option
@output_option("human", "json")
def logout(profile: str | None, sso_session: str | None, output: str) -> None:
    """End logins, here and at AWS.

    Without --profile or --sso-session, all of them. Credentials of roles that were handed out last until
    their end.
    """
    from cli.output import show_json
    from sentinel_server import wiring

    settings = settings_from({})
    ended = []
    for found in wiring.find_logins(settings, profile=profile, session=sso_session):
        login = run(wiring.log_out(settings, found), "logging out")
        if login is not None:
            ended.append(str(login))
            if output == "human":
                click.echo(clean(f"Logged out of {login}."))
    if output == "json":
        show_json({"ended": ended})
    elif not ended:
        click.echo("There was no login to end.")
