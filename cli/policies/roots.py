"""The root key of a key set: `sentinel policy keys root` and `sign`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, own_option, region_option, yes_option
from cli.policies.shelf import keys_option, signer_of, signer_options

if TYPE_CHECKING:
    from sentinel_server.policy.keys import PublicKey
    from sentinel_server.settings.resolve import Settings


@click.command("root")
@own_option("KEYS", "--public-key", metavar="FILE", help="A public key in PEM.")
@own_option("KEYS", "--kms-key", metavar="ID", help="A KMS key, whose public half is asked for.")
@region_option
@control_option
def root(public_key: str | None, kms_key: str | None, **flags: Any) -> None:
    """Print a public key as the setting signing.root has it."""
    from sentinel_server.policy.roots import root_text
    from sentinel_server.policy.signing import check_key

    found = public_key_of(settings_from(flags_of(flags)), public_key, kms_key, "root")
    check_key(found)
    click.echo(root_text(found))


@click.command("sign")
@signer_options
@yes_option
@keys_option
@region_option
@control_option
def sign(
    sign_with: str | None, kms_key: str | None, valid_for: timedelta | None, yes: bool, **flags: Any
) -> None:
    """Sign the key set with a root key, lowest serials and all.

    Shows what is signed, and asks. Where signing.root pins that root key, no other set is believed, and none
    that was signed before this one.
    """
    settings = settings_from(flags_of(flags))
    run(_sign(settings, sign_with, kms_key, valid_for, yes))


async def _sign(
    settings: Settings, sign_with: str | None, kms_key: str | None, valid_for: timedelta | None, yes: bool
) -> None:
    from cli.output import confirm, note
    from cli.policies.shelf import in_days
    from sentinel_server import wiring
    from sentinel_server.clock import SystemClock
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.keys import print_key_set
    from sentinel_server.policy.roots import next_set_serial, root_text, sign_key_set

    ring = wiring.key_ring(settings)
    found = ring.read()
    async with signer_of(settings, sign_with, kms_key) as signer, wiring.open_pins(settings, note) as pins:
        if signer is None:
            raise BadInput("no root key to sign with", hint="name one: --sign-with KEYFILE or --kms-key ID")
        if settings.signing_root and signer.public.der not in settings.signing_root:
            raise BadInput(f"{signer.public.id} is not a key that signing.root names")
        if found.find(signer.public.id) is not None:
            raise BadInput(f"{signer.public.id} signs policies, so it cannot be the root of its own set")
        number = next_set_serial(found, await pins.highest())
        click.echo(print_key_set(replace(found, signature=None)), err=True, nl=False)
        if not yes:
            confirm(f"sign this as serial {number}?")
        signed = await sign_key_set(
            signer, found, serial=number, now=SystemClock().now(), valid_for=valid_for
        )
    ring.write(signed)
    click.echo(str(ring.path))
    note(f"signed {in_days(valid_for)} as serial {number} by {signer.public.id}")
    if not settings.signing_root:
        note(f"next: let no other be believed, in config.yaml: signing: {{root: {root_text(signer.public)}}}")


def public_key_of(
    settings: Settings, public_key: str | None, kms_key: str | None, key_id: str | None
) -> PublicKey:
    """The public key that the options name, a file or a KMS key. Raises BadInput, SentinelError."""
    from sentinel_server import wiring
    from sentinel_server.errors import BadInput

    if (public_key is None) == (kms_key is None):
        raise BadInput("which key?", hint="name one: --public-key FILE or --kms-key ID")
    if kms_key:
        return run(_from_kms(settings, kms_key))
    return wiring.key_ring(settings).public(Path(public_key or ""), key_id)


async def _from_kms(settings: Settings, key: str) -> PublicKey:
    from sentinel_server import wiring

    async with wiring.open_signer(settings, kms_key=key) as signer:
        return signer.public
