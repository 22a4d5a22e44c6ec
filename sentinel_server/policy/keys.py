"""The public keys that policies may be signed with: a pinned set, so that nothing is asked of anybody.

A key counts from `not_before` until `not_after`, both for the moment of signing and for now: once a key is
retired nothing it ever signed is accepted, because whoever has it could date a signature back. The set itself
may carry a signature by a root key; `roots` says what that is worth. Whatever changes the set drops it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from sentinel_server.canonical import Json, sha256_hex
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import AlreadyExists, InvalidSetting, NotFound
from sentinel_server.frozen import frozen
from sentinel_server.policy.statement import (
    MAX_SERIAL,
    Algorithm,
    Place,
    only,
    read_instant,
    read_object,
)

KEY_SET = "sentinel-key-set/1"
"""The form of a key set file."""
MAX_KEY_SET = 256 * 1024
"""Bytes of a key set file that are read."""


@frozen
class PublicKey:
    """A key to check signatures with. `der` is its SubjectPublicKeyInfo; `id` what statements call it.

    `owner` is the person whose approvals it signs; it signs no policies then.
    """

    id: str
    algorithm: Algorithm
    der: bytes
    not_before: datetime | None = None
    not_after: datetime | None = None
    owner: str = ""

    def why_not(self, instant: datetime) -> str:
        """Why the key does not count at that instant; empty when it does."""
        if self.not_before is not None and instant < self.not_before:
            return f"does not count before {whole_seconds(self.not_before)}"
        if self.not_after is not None and instant >= self.not_after:
            return f"counts no longer since {whole_seconds(self.not_after)}"
        return ""


@frozen
class RootSignature:
    """A signature over a key set, not yet checked, and what is signed with it. Times have whole seconds."""

    key_id: str
    algorithm: Algorithm
    signed_at: datetime
    not_after: datetime | None = None
    value: bytes = b""


@frozen
class KeySet:
    """The pinned keys, and by place (as `str(place)`) the lowest serial that is accepted.

    `serial` counts the signed versions of the set; 0 when it was never signed.
    """

    keys: tuple[PublicKey, ...] = ()
    minimum_serials: Mapping[str, int] = field(default_factory=dict)
    serial: int = 0
    signature: RootSignature | None = None

    def find(self, key_id: str) -> PublicKey | None:
        """The key of that id."""
        return next((key for key in self.keys if key.id == key_id), None)

    def minimum(self, place: Place) -> int:
        """The lowest serial accepted there; 0 when none is pinned."""
        return self.minimum_serials.get(str(place), 0)

    def add(self, key: PublicKey) -> KeySet:
        """With one more key. Raises AlreadyExists when its id is taken."""
        if self.find(key.id) is not None:
            raise AlreadyExists(f"the key set has a key {key.id} already")
        return replace(self, keys=(*self.keys, key), signature=None)

    def retire(self, key_id: str, at: datetime) -> KeySet:
        """With that key counting only until `at`, or the earlier end it has already. Raises NotFound."""
        found = self.find(key_id)
        if found is None:
            raise NotFound(f"the key set has no key {key_id}", hint="list them: sentinel policy keys list")
        end = at if found.not_after is None else min(at, found.not_after)
        keys = tuple(replace(key, not_after=end) if key is found else key for key in self.keys)
        return replace(self, keys=keys, signature=None)

    def pin(self, place: Place, serial: int) -> KeySet:
        """With `serial` as the lowest accepted at `place`; a pin is never lowered."""
        pins = dict(self.minimum_serials)
        pins[str(place)] = max(serial, pins.get(str(place), 0))
        return self if pins == self.minimum_serials else replace(self, minimum_serials=pins, signature=None)


def local_key_id(der: bytes) -> str:
    """`ed25519-` and 16 hex of the key's SHA-256: the id of a key that no service names."""
    return f"ed25519-{sha256_hex(der)[:16]}"


def parse_key_set(data: bytes, name: str) -> KeySet:
    """The key set that `data` is, read from `name`. Raises InvalidSetting, nothing else."""
    try:
        found = read_object(data, MAX_KEY_SET)
        if found.get("format") != KEY_SET:
            raise ValueError(f"its format is not {KEY_SET}")
        only(found, "format", "keys", "minimum_serials", "serial", "signature")
        keys = tuple(_key(each) for each in found["keys"])
        if len({key.id for key in keys}) != len(keys):
            raise ValueError("two keys have one id")
        signature = found.get("signature")
        return KeySet(
            keys=keys,
            minimum_serials=_serials(found.get("minimum_serials", {})),
            serial=_number(found.get("serial", 0)),
            signature=None if signature is None else _signature(signature),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error) if type(error) is ValueError else "it is not of its form"
        hint = "make one: sentinel policy keys add"
        raise InvalidSetting(f"{name} is not a set of public keys: {why}", hint=hint) from error


def print_key_set(keys: KeySet) -> str:
    """The key set as JSON that people can review line by line."""
    import json

    fields = content(keys)
    if keys.signature is not None:
        value = base64.b64encode(keys.signature.value).decode("ascii")
        fields["signature"] = {**signature_fields(keys.signature), "value": value}
    return json.dumps(fields, indent=2) + "\n"


def content(keys: KeySet) -> dict[str, Json]:
    """All that a key set says, as JSON, without its signature."""
    fields: dict[str, Json] = {
        "format": KEY_SET,
        "keys": [_fields(key) for key in keys.keys],
        "minimum_serials": dict(sorted(keys.minimum_serials.items())),
    }
    return {**fields, "serial": keys.serial} if keys.serial else fields


def signature_fields(signature: RootSignature) -> dict[str, Json]:
    """What is signed together with the set, as JSON."""
    end = signature.not_after
    return {
        "key_id": signature.key_id,
        "algorithm": signature.algorithm.value,
        "signed_at": whole_seconds(signature.signed_at),
        "not_after": None if end is None else whole_seconds(end),
    }


def _fields(key: PublicKey) -> dict[str, str]:
    fields = {
        "id": key.id,
        "algorithm": key.algorithm.value,
        "public_key": base64.b64encode(key.der).decode("ascii"),
    }
    if key.not_before is not None:
        fields["not_before"] = whole_seconds(key.not_before)
    if key.not_after is not None:
        fields["not_after"] = whole_seconds(key.not_after)
    if key.owner:
        fields["owner"] = key.owner
    return fields


def _key(found: Mapping[str, Any]) -> PublicKey:
    only(found, "id", "algorithm", "public_key", "not_before", "not_after", "owner")
    if not isinstance(found["id"], str) or not found["id"].isprintable() or not found["id"]:
        raise ValueError("a key needs an id")
    owner = found.get("owner", "")
    if not isinstance(owner, str) or not owner.isprintable():
        raise ValueError(f"the owner of {found['id']} is not a person's key")
    try:
        der = base64.b64decode(found["public_key"], validate=True)
    except binascii.Error:
        raise ValueError(f"the public key of {found['id']} is not base64") from None
    return PublicKey(
        id=found["id"],
        algorithm=Algorithm(found["algorithm"]),
        der=der,
        not_before=None if found.get("not_before") is None else read_instant(found["not_before"]),
        not_after=None if found.get("not_after") is None else read_instant(found["not_after"]),
        owner=owner,
    )


def _signature(found: Mapping[str, Any]) -> RootSignature:
    only(found, "key_id", "algorithm", "signed_at", "not_after", "value")
    try:
        value = base64.b64decode(found["value"], validate=True)
    except binascii.Error:
        raise ValueError("its signature is not base64") from None
    if not isinstance(found["key_id"], str) or not found["key_id"].isprintable():
        raise ValueError("its signature names no key")
    return RootSignature(
        key_id=found["key_id"],
        algorithm=Algorithm(found["algorithm"]),
        signed_at=read_instant(found["signed_at"]),
        not_after=None if found["not_after"] is None else read_instant(found["not_after"]),
        value=value,
    )


def _number(found: object) -> int:
    if type(found) is not int or not 0 <= found <= MAX_SERIAL:
        raise ValueError("its serial is not a whole number")
    return found


def _serials(found: Mapping[str, Any]) -> dict[str, int]:
    for place, serial in found.items():
        if type(serial) is not int or not 0 < serial <= MAX_SERIAL:
            raise ValueError(f"the minimum serial of {place[:80]} is not a whole number from 1")
    return dict(found)
