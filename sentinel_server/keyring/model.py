"""Access keys as they are kept, with how far their rotation has come, and their form in the vault.

The form is versioned: add keys with defaults, never rename or reuse one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.errors import BadInput, KeyringUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

_ID = re.compile(r"[A-Z0-9]{16,128}", re.ASCII)
_SECRET = re.compile(r"[\x21-\x7e]{16,256}", re.ASCII)
_VERSION = 1


@frozen
class AccessKey:
    """Long-lived keys of an IAM user."""

    id: str
    secret: Secret


@frozen
class Rotation:
    """A rotation that has begun and not ended; it is written down before each step that it could lose.

    `made` is the new key before it is in use, `old` the former one until AWS has deleted it. With neither,
    AWS may or may not have been asked for a new key; `before` has the user's key ids from before that.
    """

    user: str
    began_at: datetime
    before: tuple[str, ...]
    made: AccessKey | None = None
    old: AccessKey | None = None


@frozen
class StoredKey:
    """What the keyring has for a profile: the key in use, since when, and a rotation under way."""

    key: AccessKey
    stored_at: datetime
    rotation: Rotation | None = None


def access_key(key_id: str, secret: str) -> AccessKey:
    """A long-lived key as typed or imported. Raises BadInput, without quoting the secret."""
    key_id, secret = key_id.strip(), secret.strip()
    if not _ID.fullmatch(key_id):
        raise BadInput("an access key id is 16 or more capital letters and digits, such as AKIA…")
    if key_id.startswith("ASIA"):
        raise BadInput(
            f"{key_id} is a temporary key, which would soon be worthless",
            hint="the keyring keeps long-lived keys (AKIA…); temporary ones are made from them",
        )
    if not _SECRET.fullmatch(secret):
        raise BadInput("a secret access key is at least 16 characters without spaces (usually 40)")
    return AccessKey(id=key_id, secret=Secret(secret))


def print_key(stored: StoredKey) -> Secret:
    """The form in which it is kept."""
    rotation = stored.rotation
    document: dict[str, Any] = {
        "version": _VERSION,
        "key": _pair(stored.key),
        "stored_at": sortable(stored.stored_at),
    }
    if rotation is not None:
        document["rotation"] = {
            "user": rotation.user,
            "began_at": sortable(rotation.began_at),
            "before": list(rotation.before),
            "made": _pair(rotation.made),
            "old": _pair(rotation.old),
        }
    return Secret(json.dumps(document))


def parse_key(text: Secret) -> StoredKey:
    """What `print_key` wrote. Raises KeyringUnavailable."""
    try:
        document = json.loads(text.reveal())
        if document["version"] != _VERSION:
            raise KeyringUnavailable(
                "this key was kept by a later release of sentinel", hint="use that release"
            )
        return _stored(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyringUnavailable("what the keyring keeps under this name is no access key") from None


def _stored(document: Mapping[str, Any]) -> StoredKey:
    rotation = document.get("rotation")
    key = _read_pair(document["key"])
    if key is None:
        raise ValueError
    return StoredKey(
        key=key,
        stored_at=parse_sortable(document["stored_at"]),
        rotation=None if rotation is None else _rotation(rotation),
    )


def _rotation(document: Mapping[str, Any]) -> Rotation:
    return Rotation(
        user=str(document["user"]),
        began_at=parse_sortable(document["began_at"]),
        before=tuple(map(str, document["before"])),
        made=_read_pair(document["made"]),
        old=_read_pair(document["old"]),
    )


def _pair(key: AccessKey | None) -> dict[str, str] | None:
    return None if key is None else {"id": key.id, "secret": key.secret.reveal()}


def _read_pair(document: Mapping[str, Any] | None) -> AccessKey | None:
    if document is None:
        return None
    return AccessKey(id=str(document["id"]), secret=Secret(str(document["secret"])))
