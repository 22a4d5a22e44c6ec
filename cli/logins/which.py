"""Which logins a command means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli.options import own_option

Command = TypeVar("Command", bound=Callable[..., Any])


def session_option(command: Command) -> Command:
    """`--sso-session`."""
    return own_option("SSO", "--sso-session", metavar="NAME", help="An sso-session of the AWS config.")(
        command
    )


def profile_option(command: Command) -> Command:
    """`--profile`, whose login is meant."""
    return click.option(
        "--profile",
        metavar="NAME",
        envvar="SENTINEL_PROFILE",
        show_envvar=True,
        help="A profile whose credentials, or whose source's, come from Identity Center.",
    )(command)
