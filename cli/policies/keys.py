"""`sentinel policy keys`: the keys that policies are signed with, and the set that verifiers pin."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, output_option, region_option
from cli.policies.shelf import instant, keys_option, store_options

if TYPE_CHECKING:
    from sentinel_server.policy.keys import KeySet, PublicKey
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import KeyRing

HEADINGS = ("KEY", "ALGORITHM", "STATE", "NOT-BEFORE", "NOT-AFTER")


@click.group("keys")
def keys() -> None:
    """Make keys, and keep the set of those that count."""


@keys.command("generate")
@click.argument("file", metavar="KEYFILE")
def generate(file: str) -> None:
    """Make a private Ed25519 key, and KEYFILE.pub beside it.

    Prints the key's id. The file is readable by you alone; keep it where the policies' authors are, not where
    they are used.
    """
    from cli.output import note
    from sentinel_server import wiring

    made = wiring.key_ring(settings_from({})).generate(Path(file))
    click.echo(made.id)
    note(f"next: sentinel policy keys add --public-key {file}.pub")


@keys.command("list")
@output_option("table", "json")
@keys_option
def list_(output: str, **flags: Any) -> None:
    """List the pinned keys and the lowest serials."""
    from cli.output import note, show_json, show_table
    from sentinel_server.policy.keys import print_key_set

    ring = _ring(flags)
    found = ring.read()
    if output == "json":
        import json

        show_json(json.loads(print_key_set(found)))
        return
    show_table(HEADINGS, [_row(key) for key in found.keys], whole={0})
    for place, serial in sorted(found.minimum_serials.items()):
        note(f"{place}: no serial below {serial} is accepted")


@keys.command("add")
@click.option("--public-key", metavar="FILE", help="A public key in PEM.")
@click.option("--kms-key", metavar="ID", help="A KMS key, whose public half is asked for.")
@click.option(
    "--id", "key_id", metavar="ID", help="What signatures call it; needed for PEM files of KMS keys."
)
@click.option("--not-before", type=instant, metavar="TIME", help="Counts from then on.")
@click.option("--not-after", type=instant, metavar="TIME", help="Counts until then.")
@keys_option
@region_option
@control_option
def add(
    public_key: str | None,
    kms_key: str | None,
    key_id: str | None,
    not_before: datetime | None,
    not_after: datetime | None,
    **flags: Any,
) -> None:
    """Pin one more public key; the set is made when there is none."""
    from cli.output import note
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.signing import check_key

    settings = settings_from(flags_of(flags))
    ring = _ring(flags)
    if (public_key is None) == (kms_key is None):
        raise BadInput("which key?", hint="name one: --public-key FILE or --kms-key ID")
    found = run(_from_kms(settings, kms_key)) if kms_key else ring.public(Path(public_key or ""), key_id)
    key = replace(found, not_before=not_before, not_after=not_after)
    check_key(key)
    ring.write(_or_none(ring).add(key))
    _wrote(ring, f"added {key.id}")
    if settings.signing_keys is None:
        note(f"next: let it be used, in config.yaml: signing: {{keys: {ring.path}}}")


@keys.command("retire")
@click.argument("key_id", metavar="ID")
@click.option("--at", type=instant, metavar="TIME", help="From then on; now without it.")
@keys_option
def retire(key_id: str, at: datetime | None, **flags: Any) -> None:
    """Let a key count no longer, not even for what it signed before.

    Sign with another key first: sentinel policy push signs anew what is there.
    """
    from sentinel_server.clock import SystemClock

    ring = _ring(flags)
    moment = at or SystemClock().now().replace(microsecond=0)
    ring.write(ring.read().retire(key_id, moment))
    _wrote(ring, f"retired {key_id}")


@keys.command("pin")
@click.argument("profile")
@click.option("--serial", type=click.IntRange(1), metavar="N", help="That serial; else the one in force.")
@keys_option
@store_options
def pin(profile: str, serial: int | None, **flags: Any) -> None:
    """Accept no older policy of a profile, also on machines that have not seen this one."""
    ring = _ring(flags)
    found, place, number = run(_pinned(settings_from(flags_of(flags)), ring, profile, serial))
    ring.write(found)
    _wrote(ring, f"{place}: no serial below {number} is accepted")


async def _pinned(
    settings: Settings, ring: KeyRing, profile: str, serial: int | None
) -> tuple[KeySet, str, int]:
    from cli.policies.verifying import verify_one
    from sentinel_server import wiring
    from sentinel_server.clock import SystemClock

    async with wiring.open_policy_store(settings) as shelf:
        seen = await shelf.store.read(profile)
        found = ring.read()
        number = serial or verify_one(seen, found, SystemClock().now()).serial
        pinned = found.pin(seen.place, number)
        return pinned, str(seen.place), pinned.minimum(seen.place)


async def _from_kms(settings: Settings, key: str) -> PublicKey:
    from sentinel_server import wiring

    async with wiring.open_signer(settings, kms_key=key) as signer:
        return signer.public


def _ring(flags: dict[str, Any]) -> KeyRing:
    from sentinel_server import wiring

    return wiring.key_ring(settings_from(flags_of(flags)))


def _or_none(ring: KeyRing) -> KeySet:
    from sentinel_server.policy.keys import KeySet

    return ring.read() if ring.path.exists() else KeySet()


def _wrote(ring: KeyRing, what: str) -> None:
    from cli.output import note

    click.echo(str(ring.path))
    note(what)


def _row(key: PublicKey) -> tuple[str, ...]:
    from sentinel_server.clock import SystemClock, whole_seconds

    ends = ["-" if each is None else whole_seconds(each) for each in (key.not_before, key.not_after)]
    state = key.why_not(SystemClock().now()) or "counts"
    return (key.id, key.algorithm.value, state.partition(" since ")[0].partition(" before ")[0], *ends)
