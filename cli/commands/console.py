"""`sentinel console`: a browser signed in to the AWS console with a session of ours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import (
    asked_profile_option,
    control_option,
    flags_of,
    own_option,
    policy_options,
    region_option,
    store_options,
)

if TYPE_CHECKING:
    from sentinel_server.secret import Secret
    from sentinel_server.settings.resolve import Settings


@click.command("console")
@asked_profile_option
@own_option("CONSOLE", "--service", metavar="NAME", help="The page to open, such as s3 or ec2/home.")
@own_option("CONSOLE", "--stdout", is_flag=True, help="Print the address; open no browser.")
@own_option("CONSOLE", "--duration", "-d", metavar="DURATION", help="How long it shall last; 1h.")
@region_option
@policy_options
@store_options
@control_option
def console(
    profile: str | None, service: str | None, stdout: bool, duration: str | None, **flags: Any
) -> None:
    """Open the AWS console.

    Decided once, as for exec without --server. The address signs in whoever opens it within 15 minutes; a
    browser's session is not asked about again, and ends with the credentials it was made from.
    """
    from cli.output import note
    from cli.picking import chosen_profile

    settings = settings_from(flags_of(flags))
    profile = chosen_profile(settings, profile)
    address, end = run(_address(settings, profile, service, duration))
    note(f"the browser's session ends by {end}")
    if stdout or not sys.stderr.isatty():
        click.echo(address.reveal())
    elif click.launch(address.reveal()) != 0:
        note("no browser could be opened; this is the address:")
        click.echo(address.reveal())


async def _address(
    settings: Settings, profile: str, service: str | None, duration: str | None
) -> tuple[Secret, str]:
    from cli.once import once
    from cli.wish import Wish
    from sentinel_server import wiring
    from sentinel_server.clock import whole_seconds
    from sentinel_server.credentials.console import destination, session_document, sign_in_url, site_of
    from sentinel_server.credentials.endpoints import region_of
    from sentinel_server.identity.arn import parse_arn
    from sentinel_server.policy.schema import Mode
    from sentinel_server.provisioning.iam import partition_of

    found = wiring.load_profile(settings, profile)
    region = settings.region or region_of(found, settings.environ) or found.sso_region or ""
    site = site_of(partition_of(region) if found.assumes is None else parse_arn(found.assumes).partition)
    destination(site, service, None)  # what was typed is looked at before anything is issued
    issued, door = await once(settings, Wish(profile=profile, duration=duration), Mode.CLI)
    where = destination(site, service, door.region)
    sign_in, token = await wiring.sign_in(door, site.sign_in, session_document(issued.credentials))
    return sign_in_url(sign_in, token, where), whole_seconds(issued.until)
