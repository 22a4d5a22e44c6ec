"""`sentinel policy keys`: the keys that policies are signed with, and the set that verifiers pin."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, output_option, own_option, region_option
from cli.policies.roots import public_key_of, root, sign
from cli.policies.shelf import instant, keys_option, open_shelf, store_options

if TYPE_CHECKING:
    from sentinel_server.policy.keys import KeySet, PublicKey
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import KeyRing

HEADINGS = ("KEY", "ALGORITHM", "STATE", "NOT-BEFORE", "NOT-AFTER", "OWNER")


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
    from sentinel_server import wiring
    from sentinel_server.policy.keys import print_key_set

    settings = settings_from(flags_of(flags))
    found = wiring.key_ring(settings).read()
    if output == "json":
        import json

        show_json(json.loads(print_key_set(found)))
        return
    show_table(HEADINGS, [_row(key) for key in found.keys], whole={0})
    for place, serial in sorted(found.minimum_serials.items()):
        note(f"{place}: no serial below {serial} is accepted")
    note(_signed(found))
    if settings.signing_root:
        run(_believed(settings))


@keys.command("add")
@own_option("KEYS", "--public-key", metavar="FILE", help="A public key in PEM.")
@own_option("KEYS", "--kms-key", metavar="ID", help="A KMS key, whose public half is asked for.")
@own_option(
    "KEYS", "--id", "key_id", metavar="ID", help="What signatures call it; needed for PEM files of KMS keys."
)
@own_option("KEYS", "--not-before", type=instant, metavar="TIME", help="Counts from then on.")
@own_option("KEYS", "--not-after", type=instant, metavar="TIME", help="Counts until then.")
@own_option("KEYS", "--owner", metavar="PERSON", default="", help="Whose approvals it signs (sso:…, iam:…).")
@keys_option
@region_option
@control_option
def add(
    public_key: str | None,
    kms_key: str | None,
    key_id: str | None,
    not_before: datetime | None,
    not_after: datetime | None,
    owner: str,
    **flags: Any,
) -> None:
    """Pin one more public key; the set is made when there is none."""
    from cli.output import note
    from sentinel_server import wiring
    from sentinel_server.policy.signing import check_key

    settings = settings_from(flags_of(flags))
    ring = wiring.key_ring(settings)
    found = public_key_of(settings, public_key, kms_key, key_id)
    key = replace(found, not_before=not_before, not_after=not_after, owner=owner)
    check_key(key)
    _write(settings, ring, _or_none(ring).add(key), f"added {key.id}")
    if settings.signing_keys is None and not owner:
        note(f"next: let it be used, in config.yaml: signing: {{keys: {ring.path}}}")


@keys.command("retire")
@click.argument("key_id", metavar="ID")
@own_option("KEYS", "--at", type=instant, metavar="TIME", help="From then on; now without it.")
@keys_option
def retire(key_id: str, at: datetime | None, **flags: Any) -> None:
    """Let a key count no longer, not even for what it signed before.

    Sign with another key first: sentinel policy push signs anew what is there.
    """
    from sentinel_server import wiring
    from sentinel_server.clock import SystemClock

    settings = settings_from(flags_of(flags))
    ring = wiring.key_ring(settings)
    moment = at or SystemClock().now().replace(microsecond=0)
    _write(settings, ring, ring.read().retire(key_id, moment), f"retired {key_id}")


@keys.command("pin")
@click.argument("profile")
@own_option(
    "KEYS", "--serial", type=click.IntRange(1), metavar="N", help="That serial; else the one in force."
)
@keys_option
@store_options
def pin(profile: str, serial: int | None, **flags: Any) -> None:
    """Accept no older policy of a profile, also on machines that have not seen this one."""
    from sentinel_server import wiring

    settings = settings_from(flags_of(flags))
    ring = wiring.key_ring(settings)
    found, place, number = run(_pinned(settings, ring, profile, serial))
    _write(settings, ring, found, f"{place}: no serial below {number} is accepted")


async def _believed(settings: Settings) -> None:
    """Raises PolicyUnverified where doors would."""
    from cli.output import note
    from sentinel_server import wiring

    async with wiring.open_pins(settings, note) as pins:
        await pins.now()


def _signed(found: KeySet) -> str:
    from sentinel_server.clock import whole_seconds

    if found.signature is None:
        return "the set is not signed by a root key"
    end = found.signature.not_after
    until = "" if end is None else f", until {whole_seconds(end)}"
    return f"signed by {found.signature.key_id} as serial {found.serial}{until}"


async def _pinned(
    settings: Settings, ring: KeyRing, profile: str, serial: int | None
) -> tuple[KeySet, str, int]:
    from cli.policies.verifying import verify_one
    from sentinel_server.clock import SystemClock

    async with open_shelf(settings, profile) as shelf:
        seen = await shelf.store.read(profile)
        found = ring.read()
        number = serial or verify_one(seen, found, SystemClock().now()).serial
        pinned = found.pin(seen.place, number)
        return pinned, str(seen.place), pinned.minimum(seen.place)


def _or_none(ring: KeyRing) -> KeySet:
    from sentinel_server.policy.keys import KeySet

    return ring.read() if ring.path.exists() else KeySet()


def _write(settings: Settings, ring: KeyRing, found: KeySet, what: str) -> None:
    from cli.output import note

    ring.write(found)
    click.echo(str(ring.path))
    note(what)
    if settings.signing_root and found.signature is None:
        note("next: no door believes it until it is signed: sentinel policy keys sign")


def _row(key: PublicKey) -> tuple[str, ...]:
    from sentinel_server.clock import SystemClock, whole_seconds

    ends = ["-" if each is None else whole_seconds(each) for each in (key.not_before, key.not_after)]
    state = key.why_not(SystemClock().now()) or "counts"
    counts = state.partition(" since ")[0].partition(" before ")[0]
    return (key.id, key.algorithm.value, counts, *ends, key.owner or "-")


keys.add_command(root)
keys.add_command(sign)
