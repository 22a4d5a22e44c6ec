"""`init local`: a first policy. The other commands make the tables that a team shares."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.context import run, settings_from
from cli.options import (
    control_option,
    flags_of,
    own_option,
    policy_options,
    profile_option,
    region_option,
    setting_option,
    yes_option,
)
from cli.setup.wizard import wizard

if TYPE_CHECKING:
    from sentinel_server.credentials.profiles import Profile
    from sentinel_server.identity.principal import Principal
    from sentinel_server.settings.resolve import Settings

SESSION_ROLES = ("developer", "security", "auditor")
APPROVAL_ROLES = ("requester", "approver", "notifier", "security", "auditor")
BREAKGLASS_ROLES = ("invoker", "reviewer", "notifier", "security", "auditor")
ALL_ROLES = tuple(dict.fromkeys((*SESSION_ROLES, *APPROVAL_ROLES, *BREAKGLASS_ROLES)))
"""What `--generate-iam` may say beside `all`; a test holds them to `provisioning.iam.ROLES`."""

Command = TypeVar("Command", bound=Callable[..., Any])


def table_options(roles: Sequence[str]) -> Callable[[Command], Command]:
    """The options of every command that makes tables; `roles` are those of the tables' policies."""
    ours = (
        own_option("INIT", "--plan", "only_plan", is_flag=True, help="Say what would be done, and stop."),
        own_option(
            "INIT",
            "--generate-iam",
            type=click.Choice([*roles, "all"]),
            is_flag=False,
            flag_value="all",
            metavar="[ROLE]",
            help=f"Print IAM policies, and stop: of {', '.join(roles)} or all.",
        ),
        own_option("INIT", "--account", metavar="ID", help="The account that --generate-iam names."),
        yes_option,
        region_option,
        control_option,
    )

    def add(command: Command) -> Command:
        for option in reversed(ours):
            command = option(command)
        return command

    return add


@click.group()
def init() -> None:
    """Set up policies and the tables of a team."""


init.add_command(wizard)


@init.command()
@profile_option
@own_option("INIT", "--user", metavar="USER", help="Name or ARN pattern to allow; AWS is asked without it.")
@own_option("INIT", "--force", is_flag=True, help="Replace a policy that is there.")
@own_option("INIT", "--allow-unstamped", is_flag=True, help="Accept a profile without a role.")
@yes_option
@policy_options
@region_option
@control_option
def local(
    profile: str, user: str | None, force: bool, allow_unstamped: bool, yes: bool, **flags: str | None
) -> None:
    """Write a first policy for one profile.

    It allows you, and nobody else, to use the profile at every door of this machine.
    """
    from cli.output import note
    from cli.starter import Starter, check, render, user_entry
    from sentinel_server import wiring
    from sentinel_server.clock import SystemClock

    settings = settings_from(flags_of(flags))
    path = _policy_path(settings, profile)
    _refuse_existing(path, force)
    found = wiring.load_profile(settings, profile)
    principal = None if user else _ask_aws(settings, profile)
    entry = user or (user_entry(principal) if principal else "")
    starter = Starter(
        profile=profile,
        user=entry,
        unstamped=found.assumes is None and _accepted(found, allow_unstamped, yes),
    )
    text = render(starter)
    check(text, starter, principal, SystemClock().now())
    _write(path, text, force)
    click.echo(path)
    note(f"next: sentinel exec --server --profile {profile} -- aws sts get-caller-identity")


@init.command()
@setting_option(
    "--table", "--session-table", setting="session_table", help="Its name or ARN.", metavar="TABLE"
)
@table_options(SESSION_ROLES)
def sessions(
    only_plan: bool, generate_iam: str | None, account: str | None, yes: bool, **flags: str | None
) -> None:
    """Make or mend the sessions table.

    Shows what is missing, asks, does it, and says what to put into config.yaml. Running it again is safe.
    """
    _tables("sessions", ("sessions",), only_plan, generate_iam, account, yes, flags)


@init.command()
@setting_option(
    "--table", "--request-table", setting="request_table", help="Its name or ARN.", metavar="TABLE"
)
@table_options(APPROVAL_ROLES)
def approvals(
    only_plan: bool, generate_iam: str | None, account: str | None, yes: bool, **flags: str | None
) -> None:
    """Make or mend the table of requests and approvals.

    Shows what is missing, asks, does it, and says what to put into config.yaml. Running it again is safe.
    """
    _tables("approvals", ("requests",), only_plan, generate_iam, account, yes, flags)


@init.command()
@setting_option(
    "--table", "--breakglass-table", setting="breakglass_table", help="Its name or ARN.", metavar="TABLE"
)
@table_options(BREAKGLASS_ROLES)
def breakglass(
    only_plan: bool, generate_iam: str | None, account: str | None, yes: bool, **flags: str | None
) -> None:
    """Make or mend the table of emergencies.

    Shows what is missing, asks, does it, and says what to put into config.yaml. Running it again is safe.
    """
    _tables("breakglass", ("breakglass",), only_plan, generate_iam, account, yes, flags)


@init.command("all")
@setting_option("--session-table", setting="session_table", help="Name or ARN.", metavar="TABLE")
@setting_option("--request-table", setting="request_table", help="Name or ARN.", metavar="TABLE")
@setting_option("--breakglass-table", setting="breakglass_table", help="Name or ARN.", metavar="TABLE")
@table_options(ALL_ROLES)
def every(
    only_plan: bool, generate_iam: str | None, account: str | None, yes: bool, **flags: str | None
) -> None:
    """Make or mend all tables: of sessions, requests and emergencies.

    Shows what is missing, asks, does it, and says what to put into config.yaml. Running it again is safe.
    """
    families = ("sessions", "requests", "breakglass")
    _tables("all", families, only_plan, generate_iam, account, yes, flags)


def _tables(
    command: str,
    families: Sequence[str],
    only_plan: bool,
    generate_iam: str | None,
    account: str | None,
    yes: bool,
    flags: dict[str, str | None],
) -> None:
    from cli.output import note
    from cli.provision import iam_text, places, provision
    from sentinel_server.provisioning.desired import Family

    where = places(flags_of(flags), [Family(name) for name in families])
    if generate_iam is None:
        return run(provision(where, command, only_plan=only_plan, yes=yes))
    click.echo(iam_text(where, account, generate_iam))
    if account is None and any(place.location.account is None for place in where):
        note(f"the table{'s are' if len(where) > 1 else ' is'} named in any account; narrow it: --account ID")
    return None


def _policy_path(settings: Settings, profile: str) -> Path:
    from sentinel_server.errors import BadInput
    from sentinel_server.settings.locations import FilePolicies

    if not isinstance(settings.policies, FilePolicies):
        raise BadInput(
            f"policies are in {settings.policies}, and this writes files only",
            hint="write one there (docs/policy.md), or say --policies file:///DIRECTORY",
        )
    if not profile.isprintable() or profile.startswith(".") or {"/", "\\", ":"} & set(profile):
        raise BadInput(f"no policy file can be named after the profile {profile!r}")
    return settings.policies.directory / f"{profile}.yaml"


def _refuse_existing(path: Path, force: bool) -> None:
    from sentinel_server.errors import AlreadyExists

    if not force and os.path.lexists(path):
        raise AlreadyExists(f"{path} is there already", hint="read it first; to replace it: --force")


def _ask_aws(settings: Settings, profile: str) -> Principal:
    from sentinel_server import wiring
    from sentinel_server.errors import BadInput, LoginRequired, SentinelError

    try:
        return run(wiring.whoami(settings, profile), "asking STS")
    except LoginRequired:
        raise  # it names the command that mends it
    except SentinelError as error:
        raise BadInput(
            f"AWS did not say who you are: {error.message}",
            hint="name yourself: --user NAME, or an ARN pattern",
        ) from error


def _accepted(profile: Profile, allowed: bool, quiet: bool) -> bool:
    """Whether a profile without a role shall be used all the same; without a clear yes it shall not."""
    from cli.output import note

    if allowed:
        return True
    note(
        f"profile {profile.name} has no role to assume, so its sessions cannot be stamped and CloudTrail "
        "does not tie them to us; they cannot be shortened or ended early, and no limit of a rule holds"
    )
    if not quiet and sys.stdin.isatty() and click.confirm("sentinel: accept that?", default=False, err=True):
        return True
    note("so the policy is without allow_unstamped, and refuses until the profile has a role_arn")
    return False


def _write(path: Path, text: str, force: bool) -> None:
    """For this user only, and over nothing that is there unless by force. Raises SentinelError."""
    from sentinel_server import wiring

    seen = wiring.read_own_file(path) if force else None
    wiring.replace_own_files({path: text.encode()}, {path: seen})
