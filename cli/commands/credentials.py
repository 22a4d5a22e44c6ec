"""`sentinel credentials`: the answer that an SDK wants from its `credential_process`."""

from __future__ import annotations

from typing import Any

import click

from cli.context import run, settings_from
from cli.options import (
    control_option,
    flags_of,
    login_options,
    own_option,
    policy_options,
    profile_option,
    region_option,
    setting_option,
    store_options,
)


@click.command("credentials")
@profile_option
@own_option("CREDENTIALS", "--duration", "-d", metavar="DURATION", help="How long they shall last; 1h.")
@setting_option("--lease", setting="lease", help="standard, strict, full or 90s.", metavar="LEASE")
@login_options
@region_option
@policy_options
@store_options
@control_option
def credentials(profile: str, duration: str | None, mfa_token: str | None, **flags: Any) -> None:
    """Answer an SDK's credential_process.

    Put it into ~/.aws/config, in a profile of another name than the one it asks for:

        [profile prod-sentinel]
        credential_process = sentinel credentials --profile prod
    """
    settings = settings_from(flags_of(flags))
    from cli.once import once
    from cli.wish import Wish
    from sentinel_server.credentials.model import process_json
    from sentinel_server.policy.schema import Mode

    wish = Wish(profile=profile, duration=duration, mfa_token=mfa_token)
    issued, _ = run(once(settings, wish, Mode.CREDENTIAL_PROCESS))
    click.echo(process_json(issued.credentials, issued.expires_at))
