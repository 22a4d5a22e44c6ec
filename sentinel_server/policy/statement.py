"""What is signed about a policy, and the envelope of signatures that lies beside it.

The statement binds the exact bytes to one place, so that a signature for one profile, account or region is of
no use at another, and to a serial, so that an older policy cannot come back. The envelope holds the statement
of the newest bytes and of those before them: it is written first, and while only one of the two writes is
done, whichever bytes are there have their signature.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from sentinel_server.canonical import Json, canonical, unambiguous
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import PolicyUnverified
from sentinel_server.frozen import frozen

STATEMENT = "sentinel-policy-statement/1"
"""The first thing that is signed, so that nothing else signed with the same key can pass for a statement."""
ENVELOPE = "sentinel-policy-envelope/1"
"""The form of the envelope."""
MAX_ENVELOPE = 8 * 1024
"""Bytes: what an SSM parameter can hold at most."""
MAX_SIGNATURES = 3
"""Signatures an envelope may hold: the newest, the one before, and one of somebody who pushes meanwhile."""
MAX_SERIAL = 2**53 - 1
"""The largest number that every reader of JSON keeps exactly."""


class Algorithm(Enum):
    """How a statement is signed; the value is KMS's name where KMS has one."""

    ED25519 = "ED25519"
    RSA_PSS = "RSASSA_PSS_SHA_256"
    ECDSA = "ECDSA_SHA_256"


@frozen
class Place:
    """Where a policy is used: a parameter of an account and region, or a file name, which has neither."""

    parameter: str
    account: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"{self.account}/{self.region}{self.parameter}" if self.account else self.parameter


@frozen
class Statement:
    """What a signature says: these bytes are the policy of this place, as its `serial`th, until `not_after`.

    Times have whole seconds and are aware of their zone.
    """

    place: Place
    sha256: str
    serial: int
    signed_at: datetime
    key_id: str
    not_after: datetime | None = None

    def to_sign(self) -> bytes:
        """The bytes that are signed."""
        return canonical(self.fields())

    def fields(self) -> dict[str, Json]:
        """The statement as JSON."""
        return {
            "format": STATEMENT,
            "parameter": self.place.parameter,
            "account": self.place.account,
            "region": self.place.region,
            "sha256": self.sha256,
            "serial": self.serial,
            "signed_at": whole_seconds(self.signed_at),
            "not_after": None if self.not_after is None else whole_seconds(self.not_after),
            "key_id": self.key_id,
        }


@frozen
class Signed:
    """A statement and the signature over it, not yet checked."""

    statement: Statement
    algorithm: Algorithm
    signature: bytes


@frozen
class Envelope:
    """Signatures, newest first.

    `unsigned` is the SHA-256 of bytes that had no signature when the first one was written: they count as not
    signed rather than as tampered with, so that a policy can be signed for the first time in two writes.
    """

    signatures: tuple[Signed, ...]
    unsigned: str | None = None


def print_envelope(envelope: Envelope) -> bytes:
    """The envelope as JSON, in its one byte form and a newline."""
    fields: dict[str, Json] = {
        "format": ENVELOPE,
        "signatures": [
            {
                "statement": signed.statement.fields(),
                "algorithm": signed.algorithm.value,
                "signature": base64.b64encode(signed.signature).decode("ascii"),
            }
            for signed in envelope.signatures
        ],
    }
    if envelope.unsigned is not None:
        fields["unsigned"] = envelope.unsigned
    return canonical(fields) + b"\n"


def parse_envelope(data: bytes, name: str) -> Envelope:
    """The envelope that `data` is, read from `name`. Raises PolicyUnverified, nothing else."""
    try:
        return _envelope(_object(data))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = str(error) if type(error) is ValueError else "it is not of its form"
        hint = "sign the policy anew: sentinel policy push"
        raise PolicyUnverified(f"{name} is not an envelope of signatures: {why}", hint=hint) from error


def signatures_in(envelope: bytes | None) -> tuple[Signed, ...]:
    """The signatures of an envelope, unchecked; none when there is no envelope or it cannot be read."""
    try:
        return () if envelope is None else parse_envelope(envelope, "").signatures
    except PolicyUnverified:
        return ()


def read_instant(text: object) -> datetime:
    """The instant that `whole_seconds` wrote; ValueError for anything else."""
    if not isinstance(text, str) or not text.endswith("Z"):
        raise ValueError("a time is written as 2026-01-31T09:05:00Z")
    instant = datetime.fromisoformat(text)
    if whole_seconds(instant) != text:
        raise ValueError("a time is written as 2026-01-31T09:05:00Z")
    return instant


def read_object(data: bytes, limit: int) -> dict[str, Any]:
    """One JSON object without double keys and floats; ValueError or RecursionError for anything else."""
    if len(data) > limit:
        raise ValueError(f"it has over {limit} bytes")
    found = json.loads(
        data.decode("utf-8"), object_pairs_hook=unambiguous, parse_float=_no, parse_constant=_no
    )
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def only(found: Mapping[str, Any], *names: str) -> None:
    """Raises ValueError when `found` has a key that is not among `names`."""
    if unknown := set(found) - set(names):
        raise ValueError(f"unknown key {sorted(unknown)[0][:40]!r}")


def _object(data: bytes) -> dict[str, Any]:
    found = read_object(data, MAX_ENVELOPE)
    if found.get("format") != ENVELOPE:
        raise ValueError(f"its format is not {ENVELOPE}")
    return found


def _envelope(found: Mapping[str, Any]) -> Envelope:
    only(found, "format", "signatures", "unsigned")
    signatures = found["signatures"]
    if not isinstance(signatures, list) or not 0 < len(signatures) <= MAX_SIGNATURES:
        raise ValueError(f"it needs 1 to {MAX_SIGNATURES} signatures")
    unsigned = found.get("unsigned")
    return Envelope(
        signatures=tuple(_signed(each) for each in signatures),
        unsigned=None if unsigned is None else _sha256(unsigned),
    )


def _signed(found: Mapping[str, Any]) -> Signed:
    only(found, "statement", "algorithm", "signature")
    try:
        signature = base64.b64decode(found["signature"], validate=True)
    except binascii.Error:
        raise ValueError("a signature is not base64") from None
    statement = _statement(found["statement"])
    return Signed(statement=statement, algorithm=Algorithm(found["algorithm"]), signature=signature)


def _statement(found: Mapping[str, Any]) -> Statement:
    only(found, *_FIELDS)
    if found["format"] != STATEMENT:
        raise ValueError(f"a statement's format is not {STATEMENT}")
    serial, not_after = found["serial"], found["not_after"]
    if type(serial) is not int or not 0 < serial <= MAX_SERIAL:
        raise ValueError("a serial is a whole number from 1")
    place = Place(
        parameter=_text(found["parameter"]), account=_text(found["account"]), region=_text(found["region"])
    )
    return Statement(
        place=place,
        sha256=_sha256(found["sha256"]),
        serial=serial,
        signed_at=read_instant(found["signed_at"]),
        key_id=_text(found["key_id"]),
        not_after=None if not_after is None else read_instant(not_after),
    )


_FIELDS = (
    *("format", "parameter", "account", "region", "sha256", "serial"),
    *("signed_at", "not_after", "key_id"),
)


def _text(found: object) -> str:
    if not isinstance(found, str) or len(found) > 2048 or not found.isprintable():
        raise ValueError("a name is not text")
    return found


def _sha256(found: object) -> str:
    if not isinstance(found, str) or len(found) != 64 or set(found) - set("0123456789abcdef"):
        raise ValueError("a hash is not 64 lower-case hex digits")
    return found


def _no(text: str) -> Any:
    raise ValueError(f"{text[:20]} is not a whole number")
