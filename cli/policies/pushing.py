"""Putting a policy into force: what `push` and `rollback` have in common once they have the bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cli.output import clean, confirm, note, progress
from cli.policies.checking import meaning
from cli.policies.shelf import signer_of
from cli.unified import coloured, unified
from sentinel_server.clock import SystemClock
from sentinel_server.errors import BadInput, PolicyChanged
from sentinel_server.frozen import frozen
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.shipping import ship, signed_by
from sentinel_server.policy.signing import Signer, holds, next_serial, sign_policy, verify
from sentinel_server.policy.statement import Envelope, Signed, print_envelope
from sentinel_server.policy.stored import Stored
from sentinel_server.settings.environ import process_environ

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Shelf


@frozen
class Push:
    """What is to be put into force, and how.

    `source` is where the bytes come from, for the heading of the diff; `ready` a signature made elsewhere.
    """

    data: bytes
    source: str
    sign_with: str | None = None
    kms_key: str | None = None
    valid_for: timedelta | None = None
    ready: Signed | None = None
    yes: bool = False


def check_version(seen: Stored, expected: int | None) -> None:
    """Raises PolicyChanged when another version is stored than was expected."""
    if expected is not None and seen.version != expected:
        there = f"version {seen.version} is" if seen.version else "no version is"
        raise PolicyChanged(f"{there} at {seen.name}, and not version {expected}; nothing was written")


async def push(settings: Settings, shelf: Shelf, seen: Stored, wanted: Push) -> None:
    """Show the change, ask, sign, write. Says on stdout what is in force then.

    Raises BadInput, PolicyChanged, and what signing and the store raise; docs/policy-signing.md says what is
    in the store after each.
    """
    async with signer_of(settings, wanted.sign_with, wanted.kms_key) as signer:
        _check_signer(settings, shelf.keys, seen, signer, wanted.ready)
        if wanted.ready is not None:
            await _check_ready(shelf, seen, wanted.data, wanted.ready)
        if _is_there(seen, signer, wanted):
            note(f"{seen.name} has these bytes already, so nothing was written")
            return
        _show(seen, wanted)
        if not wanted.yes:
            confirm(f"put this into {seen.name}?")
        with progress(f"writing {seen.name}"):
            signed = wanted.ready or await _signed(shelf, seen, signer, wanted)
            version = await ship(shelf.store, seen, wanted.data, signed)
    said = f"{seen.name}: version {version}"
    click.echo(clean(said if signed is None else f"{said}, serial {signed.statement.serial}"))


async def _signed(shelf: Shelf, seen: Stored, signer: Signer | None, wanted: Push) -> Signed | None:
    if signer is None:
        return None
    highest = await shelf.memory.highest(seen.remembered_as)
    return await sign_policy(
        signer,
        seen.place,
        wanted.data,
        serial=next_serial(seen, shelf.keys, highest),
        now=SystemClock().now(),
        valid_for=wanted.valid_for,
    )


def _is_there(seen: Stored, signer: Signer | None, wanted: Push) -> bool:
    """Whether the store has these bytes with the signature that is asked for."""
    if seen.data != wanted.data:
        return False
    there = signed_by(wanted.data, seen.envelope)
    if wanted.ready is not None:
        return there == wanted.ready
    if signer is None:
        return True
    if there is None or there.statement.place != seen.place or wanted.valid_for is not None:
        return False
    end = there.statement.not_after
    in_time = end is None or SystemClock().now() < end
    return in_time and there.statement.key_id == signer.public.id and holds(signer.public, there)


def _check_signer(
    settings: Settings, keys: KeySet | None, seen: Stored, signer: Signer | None, ready: Signed | None
) -> None:
    """Refuse what nobody would accept. Raises BadInput."""
    key_id = signer.public.id if signer else ready.statement.key_id if ready else None
    if key_id is None:
        if keys is not None and settings.signing_required is not False:
            hint = "sign it: --sign-with KEYFILE or --kms-key ID"
            raise BadInput(f"signatures are required, so {seen.name} would not be accepted", hint=hint)
        return
    key = keys.find(key_id) if keys is not None else None
    if keys is not None and key is None:
        hint = "add it to the key set first, everywhere: sentinel policy keys add"
        raise BadInput(
            f"the key {key_id} is not in the key set, so nobody would accept {seen.name}", hint=hint
        )
    if key is not None and key.owner:
        raise BadInput(f"the key {key_id} signs the approvals of {key.owner}, and no policies")
    if key is not None and (reason := key.why_not(SystemClock().now())):
        raise BadInput(f"the key {key_id} {reason}, so nobody would accept {seen.name}")


async def _check_ready(shelf: Shelf, seen: Stored, data: bytes, ready: Signed) -> None:
    """Refuse a signature made elsewhere that would not be accepted. Raises BadInput, PolicyUnverified."""
    said = ready.statement
    if said.place != seen.place:
        raise BadInput(f"the signature is for {said.place}, and this is {seen.place}")
    highest = await shelf.memory.highest(seen.remembered_as)
    there = signed_by(data, seen.envelope) == ready
    if not there and said.serial < (wanted := next_serial(seen, shelf.keys, highest)):
        hint = f"sign it anew: sentinel policy sign FILE --serial {wanted}"
        raise BadInput(f"serial {said.serial} of the signature was used before", hint=hint)
    if shelf.keys is not None:
        envelope = print_envelope(Envelope(signatures=(ready,)))
        then = replace(seen, data=data, envelope=envelope)
        verify(then, shelf.keys, now=SystemClock().now(), highest=highest)


def _show(seen: Stored, wanted: Push) -> None:
    """The change to the letter and in meaning, for whoever is asked."""
    colour = False if process_environ().get("NO_COLOR") else None
    was = f"{seen.name} (version {seen.version})" if seen.data is not None else "nothing"
    for index, line in enumerate(unified(seen.data, wanted.data, was, wanted.source)):
        click.echo(coloured(line, heading=index < 2), err=True, color=colour)
    for line in meaning(seen, wanted.data):
        click.echo(line, err=True)
