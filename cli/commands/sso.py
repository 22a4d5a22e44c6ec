"""`sentinel sso`: log in to IAM Identity Center and out of it, as `aws sso` does and with its files."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "login": Lazy("cli.logins.login:login", "Log in to Identity Center by browser."),
    "logout": Lazy("cli.logins.logout:logout", "End logins, here and at AWS."),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def sso() -> None:
    """Log in to IAM Identity Center, and out."""
