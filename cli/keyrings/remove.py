"""`sentinel keyring remove`: forget a key. AWS still has it."""

from __future__ import annotations

from typing import Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import keyring_options
from cli.layout import clean
from cli.options import own_option, yes_option


@click.command("remove")
@click.argument("profile")
@own_option("KEYRING", "--mfa-seed", is_flag=True, help="Forget the seed of its MFA device instead.")
@yes_option
@keyring_options
def remove(profile: str, mfa_seed: bool, yes: bool, **flags: Any) -> None:
    """Forget the access key of a profile.

    Its temporary sessions are forgotten, too. The key itself stays valid in AWS; who no longer needs it
    deletes it there.
    """
    from cli.output import confirm, note
    from sentinel_server import wiring
    from sentinel_server.errors import NotFound

    settings, keyring = opened(flags)
    if mfa_seed:
        serial = wiring.mfa_serial(settings, profile)
        if not yes:
            confirm(f"forget the seed of {serial}? It cannot be read from AWS again")
        run(keyring.seeds.remove(serial))
        click.echo(clean(f"The seed of {serial} is forgotten."))
        return
    if profile not in run(keyring.keys.profiles()):
        raise NotFound(f"the keyring has no key for {profile}", hint="see: sentinel keyring list")
    if not yes:
        confirm(f"forget the key of {profile}? It cannot be read from AWS again")
    run(keyring.keys.remove(profile))
    click.echo(clean(f"The key of {profile} is forgotten."))
    note("it is still valid in AWS; next: aws iam delete-access-key --access-key-id ID")
