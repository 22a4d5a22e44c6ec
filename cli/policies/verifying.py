"""Checking the signature of a policy on its own, as a door would, and saying what it says."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock, whole_seconds
from sentinel_server.errors import InvalidSetting, PolicyUnverified
from sentinel_server.policy.signing import Torn, Unsigned, tampered, unsigned, verify
from sentinel_server.policy.statement import Statement
from sentinel_server.policy.stored import Stored

if TYPE_CHECKING:
    from sentinel_server.policy.keys import KeySet
    from sentinel_server.wiring import Shelf


async def verify_stored(shelf: Shelf, seen: Stored) -> Statement:
    """The statement under which a stored policy is accepted here now. Raises PolicyUnverified."""
    highest = await shelf.memory.highest(seen.remembered_as)
    return verify_one(seen, shelf.keys, SystemClock().now(), highest)


def verify_one(seen: Stored, keys: KeySet | None, now: datetime, highest: int = 0) -> Statement:
    """The same for what was read anywhere. Raises PolicyUnverified, InvalidSetting without keys."""
    if keys is None:
        raise InvalidSetting(
            "no public keys to check with",
            hint="name the key set: --keys FILE, or signing.keys in config.yaml",
        )
    try:
        said = verify(seen, keys, now=now, highest=highest)
    except Torn:
        raise tampered(seen) from None
    if isinstance(said, Unsigned):
        raise unsigned(seen)
    return said


def fields(name: str, said: Statement) -> dict[str, str | int | None]:
    """What a good signature says, for programs."""
    return {
        "policy": name,
        "valid": True,
        "reason": None,
        "key_id": said.key_id,
        "serial": said.serial,
        "sha256": said.sha256,
        "signed_at": whole_seconds(said.signed_at),
        "not_after": None if said.not_after is None else whole_seconds(said.not_after),
    }


def bad_fields(name: str, error: PolicyUnverified) -> dict[str, str | int | None]:
    """That there is none, for programs."""
    return {"policy": name, "valid": False, "reason": error.message}
