"""The options that several commands have, each with its variable, and what they mean to the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

Command = TypeVar("Command", bound=Callable[..., Any])


def profiles_beginning(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The names of profiles that go on what was typed, for completion."""
    from sentinel_server.settings.environ import process_environ
    from sentinel_server.wiring.known import profile_names

    return [name for name in profile_names(process_environ()) if name.startswith(incomplete)]


def setting_option(
    *names: str, setting: str, help: str, metavar: str | None = None, **how: Any
) -> Callable[[Command], Command]:
    """An option whose text goes to the settings as it is: they read, check and explain it."""
    variable = "SENTINEL_" + setting.replace(".", "_").upper()
    return click.option(
        *names,
        setting.replace(".", "__"),
        metavar=metavar,
        help=f"{help}  [{variable}]",
        expose_value=True,
        **how,
    )


def flags_of(values: dict[str, Any]) -> dict[str, str | None]:
    """The settings' texts among a command's values, by setting name."""
    return {name.replace("__", "."): value for name, value in values.items()}


def own_option(command: str, *names: str, help: str, **how: Any) -> Callable[[Command], Command]:
    """An option that one command has to itself; its variable is `SENTINEL_<COMMAND>_<OPTION>`.

    The settings refuse variables they do not know, so `OTHER_VARIABLES` lists each of these.
    """
    long = next(name for name in names if name.startswith("--"))
    if long == "--profile":
        how = {"shell_complete": profiles_beginning, **how}
    variable = f"SENTINEL_{command}_{long[2:].partition('/')[0]}".replace("-", "_").upper()
    return click.option(*names, envvar=variable, help=f"{help}  [{variable}]", **how)


def yes_option(command: Command) -> Command:
    """`--yes`: answers the question that would be asked."""
    return click.option(
        "--yes", "-y", is_flag=True, envvar="SENTINEL_YES", help="Ask nothing.  [SENTINEL_YES]"
    )(command)


def region_option(command: Command) -> Command:
    """`--region`."""
    return setting_option("--region", setting="region", help="AWS region.", metavar="REGION")(command)


def control_option(command: Command) -> Command:
    """`--aws-profile`: the profile that reads policies and stores."""
    return setting_option(
        "--aws-profile",
        setting="control_profile",
        help="Profile for policies and stores.",
        metavar="NAME",
        shell_complete=profiles_beginning,
    )(command)


def store_options(command: Command) -> Command:
    """`--store` and its classic form, `--session-table`."""
    table = setting_option(
        "--session-table", "--table", setting="session_table", help="DynamoDB table.", metavar="TABLE"
    )
    url = setting_option("--store", setting="store", help="Where sessions are.", metavar="URL")
    return url(table(command))


def request_options(command: Command) -> Command:
    """`--store` and `--session-table`, and `--request-table`: where requests are."""
    table = setting_option(
        "--request-table", setting="request_table", help="DynamoDB table of requests.", metavar="TABLE"
    )
    return store_options(table(command))


def breakglass_options(command: Command) -> Command:
    """`--store` and `--session-table`, and `--breakglass-table`: where emergencies are."""
    table = setting_option(
        "--breakglass-table",
        setting="breakglass_table",
        help="DynamoDB table of emergencies.",
        metavar="TABLE",
    )
    return store_options(table(command))


def policy_options(command: Command) -> Command:
    """`--policies` and its classic form, `--policy-parameter`."""
    parameter = setting_option(
        "--policy-parameter", setting="policy_parameter", help="SSM parameter.", metavar="NAME"
    )
    url = setting_option("--policies", setting="policies", help="Where policies are.", metavar="URL")
    return url(parameter(command))


def login_options(command: Command) -> Command:
    """`--auto-login`, `--stdout` and `--mfa-token`: what a person does before anything starts."""
    token = click.option(
        "--mfa-token",
        "-t",
        envvar="SENTINEL_MFA_TOKEN",
        metavar="CODE",
        help="Code of the profile's MFA device.  [SENTINEL_MFA_TOKEN]",
    )
    return auto_login_option(stdout_option(token(command)))


def auto_login_option(command: Command) -> Command:
    """`--auto-login`: a lapsed login to Identity Center is renewed by browser."""
    return click.option(
        "--auto-login",
        "auto_login",
        flag_value="true",
        help="Log in to Identity Center when a login has lapsed.  [SENTINEL_AUTO_LOGIN]",
    )(command)


def stdout_option(command: Command) -> Command:
    """`--stdout`: print where to log in, and open nothing."""
    return click.option(
        "--stdout",
        "open_browser",
        flag_value="false",
        help="Print a login's address and code, open no browser.  [SENTINEL_OPEN_BROWSER]",
    )(command)


def profile_option(command: Command) -> Command:
    """`--profile`, required."""
    return _profile_option("AWS profile.", required=True)(command)


def asked_profile_option(command: Command) -> Command:
    """`--profile`, of which `cli.picking` asks when it is not given."""
    return _profile_option("AWS profile; else you are asked.", required=False)(command)


def _profile_option(help: str, *, required: bool) -> Callable[[Command], Command]:
    return click.option(
        "--profile",
        required=required,
        envvar="SENTINEL_PROFILE",
        show_envvar=True,
        metavar="NAME",
        help=help,
        shell_complete=profiles_beginning,
    )


class _Format(click.Choice[str]):
    """One of some formats; a variable may name one that this command does not have, which then has no say."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The format. Raises BadParameter for a wrong one that was typed."""
        if value not in self.choices and ctx is not None and param is not None:
            source = ctx.get_parameter_source(param.name or "")
            if source is ParameterSource.ENVIRONMENT:
                return str(self.choices[0])
        return super().convert(value, param, ctx)


def output_option(*formats: str) -> Callable[[Command], Command]:
    """`--output` with these formats, the first the default, and `--json` for short."""

    def add(command: Command) -> Command:
        choice = click.option(
            "--output",
            type=_Format(formats),
            default=formats[0],
            show_default=True,
            envvar="SENTINEL_OUTPUT",
            help="Format of what is printed.",
        )
        short = click.option("--json", "output", flag_value="json", help="Short for --output json.")
        return choice(short(command))

    return add
