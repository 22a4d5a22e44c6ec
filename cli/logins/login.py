"""`sso login`: a login by browser, or by an address and a code that are printed."""

from __future__ import annotations

import click

from cli.context import run, settings_from
from cli.layout import clean
from cli.logins.which import profile_option, session_option
from cli.options import flags_of, output_option, own_option, stdout_option


@click.command("login")
@profile_option
@session_option
@own_option("SSO", "--force", is_flag=True, help="Log in anew, also where a login is good.")
@stdout_option
@output_option("human", "json")
def login(
    profile: str | None, sso_session: str | None, force: bool, output: str, **flags: str | None
) -> None:
    """Log in to Identity Center by browser.

    Without --profile or --sso-session, to every login that the AWS configuration has. What it gets is kept
    where the AWS CLI keeps it, and either tool uses what the other got.
    """
    from cli.output import show_json
    from cli.sign_in import TerminalScreen
    from sentinel_server import wiring
    from sentinel_server.clock import whole_seconds

    settings = settings_from(flags_of(flags))
    done = []
    for found in wiring.find_logins(settings, profile=profile, session=sso_session):
        logged_in = run(wiring.log_in(settings, found, TerminalScreen(), anew=force))
        until = whole_seconds(logged_in.until)
        done.append({"login": str(logged_in.login), "until": until, "renews": logged_in.renews})
        if output == "human":
            more = ", and is renewed by itself" if logged_in.renews else ""
            click.echo(clean(f"Logged in to {logged_in.login} until {until}{more}."))
    if output == "json":
        show_json({"logins": done})
