"""One byte form for what is signed or hashed: JSON with sorted keys, no spaces, ASCII only, no floats.

Floats are refused because two programs may print one number in two ways; durations are whole seconds and
instants are text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]
"""What may be signed or hashed."""


def canonical(value: Json) -> bytes:
    """The one byte form of `value`; equal values give equal bytes. Raises TypeError for a float."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members, for `json`'s `object_pairs_hook`.

    Raises ValueError when a key is there twice: readers differ in which of the two they take.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a float has no canonical form")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("a key must be text")
            _refuse_floats(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _refuse_floats(item)
