"""`sentinel export`: credentials as text, for shells and programs that take them no other way."""

from __future__ import annotations

from typing import Any

import click

from cli.context import run, settings_from
from cli.options import (
    asked_profile_option,
    control_option,
    flags_of,
    own_option,
    policy_options,
    region_option,
    setting_option,
    store_options,
)


@click.command("export")
@asked_profile_option
@own_option(
    "EXPORT",
    "--format",
    "form",
    type=click.Choice(["env", "fish", "powershell", "json", "credential_process"]),
    default="env",
    show_default=True,
    help="For a POSIX shell, fish, PowerShell, programs, or an SDK.",
)
@own_option("EXPORT", "--duration", "-d", metavar="DURATION", help="How long they shall last; 1h.")
@setting_option("--lease", setting="lease", help="standard, strict, full or 90s.", metavar="LEASE")
@region_option
@policy_options
@store_options
@control_option
def export(profile: str | None, form: str, duration: str | None, **flags: Any) -> None:
    """Print credentials for a shell or a program.

    Decided once, as for exec without --server; into a shell with:

        eval "$(sentinel export --profile dev)"

    They stay there when they have ended, so prefer exec, which takes them away with the command.
    """
    settings = settings_from(flags_of(flags))
    from cli.once import once
    from cli.picking import chosen_profile
    from cli.wish import Wish
    from sentinel_server.credentials.exporting import exported
    from sentinel_server.policy.schema import Mode

    mode = Mode.CREDENTIAL_PROCESS if form == "credential_process" else Mode.CLI
    wish = Wish(profile=chosen_profile(settings, profile), duration=duration)
    issued, door = run(once(settings, wish, mode))
    click.echo(exported(form, issued.credentials, issued.expires_at, door.region))
