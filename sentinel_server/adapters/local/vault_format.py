"""The vault's file, version 1: JSON with names and ends in clear, and everything else sealed.

`opens_with` says where the data key comes from: sealed under a passphrase's key, or kept by the system's
keyring. Which data key it is, `proof` shows before anything is opened with it. The page `docs/keyring.md` has
the format for other programs.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from sentinel_server.adapters.local.sealed import Scrypt
from sentinel_server.canonical import Json
from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.frozen import frozen

FORMAT = "sentinel keyring"
VERSION = 1


class NotAVault(Exception):
    """The text is no vault that this release can read; the message says why."""


@frozen
class PassphraseLock:
    """The data key is sealed under the key of a passphrase."""

    cost: Scrypt
    sealed_key: bytes


@frozen
class KeyringLock:
    """The data key is kept by the system's keyring, under our name and the vault's id."""

    backend: str


Lock = PassphraseLock | KeyringLock


@frozen
class Entry:
    """One sealed secret and its end."""

    sealed: bytes
    until: datetime | None = None


@frozen
class Document:
    """A vault as it stands in its file."""

    id: str
    lock: Lock
    proof: bytes
    entries: Mapping[str, Entry] = field(default_factory=dict)

    def about(self, name: str, until: datetime | None) -> Json:
        """What an entry's seal is bound to."""
        return [FORMAT, VERSION, self.id, "entry", name, None if until is None else sortable(until)]


def about_key(vault_id: str) -> Json:
    """What the seal of a data key is bound to."""
    return [FORMAT, VERSION, vault_id, "key"]


def about_proof(vault_id: str) -> Json:
    """What the seal of a proof is bound to."""
    return [FORMAT, VERSION, vault_id, "proof"]


def print_vault(document: Document) -> str:
    """The file's text."""
    value = {
        "format": FORMAT,
        "version": VERSION,
        "id": document.id,
        "cipher": "AES-256-GCM",
        "opens_with": _printed_lock(document.lock),
        "proof": _text(document.proof),
        "entries": {
            name: {
                "until": None if entry.until is None else sortable(entry.until),
                "sealed": _text(entry.sealed),
            }
            for name, entry in sorted(document.entries.items())
        },
    }
    return json.dumps(value, indent=1) + "\n"


def parse_vault(text: str) -> Document:
    """What `print_vault` wrote. Raises NotAVault."""
    try:
        value = json.loads(text)
        if value["format"] != FORMAT:
            raise NotAVault("it is not a keyring of sentinel")
        if value["version"] != VERSION:
            raise NotAVault(f"it has version {value['version']!r}, and this release reads {VERSION}")
        return Document(
            id=str(value["id"]),
            lock=_lock(value["opens_with"]),
            proof=_bytes(value["proof"]),
            entries={str(name): _entry(each) for name, each in value["entries"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAVault("it is damaged") from error


def _printed_lock(lock: Lock) -> dict[str, Any]:
    if isinstance(lock, KeyringLock):
        return {"kind": "keyring", "backend": lock.backend}
    cost = lock.cost
    return {
        "kind": "passphrase",
        "kdf": "scrypt",
        "salt": _text(cost.salt),
        "n": cost.n,
        "r": cost.r,
        "p": cost.p,
        "sealed_key": _text(lock.sealed_key),
    }


def _lock(value: Mapping[str, Any]) -> Lock:
    if value["kind"] == "keyring":
        return KeyringLock(backend=str(value["backend"]))
    if value["kind"] != "passphrase" or value["kdf"] != "scrypt":
        raise NotAVault("it is opened in a way that this release does not know")
    cost = Scrypt(
        salt=_bytes(value["salt"]), n=_number(value["n"]), r=_number(value["r"]), p=_number(value["p"])
    )
    if why := cost.why_not():
        raise NotAVault(why)
    return PassphraseLock(cost=cost, sealed_key=_bytes(value["sealed_key"]))


def _entry(value: Mapping[str, Any]) -> Entry:
    until = value["until"]
    return Entry(sealed=_bytes(value["sealed"]), until=None if until is None else parse_sortable(until))


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)


def _number(value: object) -> int:
    if type(value) is not int:
        raise NotAVault("its scrypt parameters mean nothing")
    return value
