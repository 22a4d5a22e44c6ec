"""Key pairs of every algorithm, made once a run, and what they sign."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, assert_never

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sentinel_server.canonical import sha256_hex
from sentinel_server.policy.keys import KeySet, PublicKey
from sentinel_server.policy.schema import Origin
from sentinel_server.policy.statement import Algorithm, Envelope, Place, Signed, Statement, print_envelope
from sentinel_server.policy.stored import Stored
from tests.fakes.clock import NOON

PROD = Place(parameter="/sentinel/policies/prod", account="111122223333", region="eu-west-1")
"""The place that everything is signed for unless a test says otherwise."""
ALLOW = b"version: 1\nrules:\n  - {name: all, effect: allow, match: any}\n"
DENY = b"version: 1\nrules:\n  - {name: none, effect: deny, match: any}\n"


@dataclass(frozen=True)
class KeyPair:
    """A Signer whose private key is at hand."""

    public: PublicKey
    private: Any = field(repr=False)

    async def sign(self, message: bytes) -> bytes:
        """A signature, by the key's algorithm."""
        return self.sign_now(message)

    def sign_now(self, message: bytes) -> bytes:
        """The same, at once."""
        made: bytes
        match self.public.algorithm:
            case Algorithm.ED25519:
                made = self.private.sign(message)
            case Algorithm.RSA_PSS:
                made = self.private.sign(message, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
            case Algorithm.ECDSA:
                made = self.private.sign(message, ec.ECDSA(SHA256()))
            case _:
                assert_never(self.public.algorithm)
        return made


@cache
def key_pair(name: str = "team", algorithm: Algorithm = Algorithm.ED25519) -> KeyPair:
    """The key of that name; the same one all through a run."""
    private: Any
    match algorithm:
        case Algorithm.ED25519:
            private = ed25519.Ed25519PrivateKey.generate()
        case Algorithm.RSA_PSS:
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case Algorithm.ECDSA:
            private = ec.generate_private_key(ec.SECP256R1())
    return KeyPair(public=PublicKey(id=name, algorithm=algorithm, der=der_of(private)), private=private)


def der_of(private: Any) -> bytes:
    """The public half as SubjectPublicKeyInfo."""
    der: bytes = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


def signed(
    data: bytes = ALLOW,
    *,
    by: KeyPair | None = None,
    place: Place = PROD,
    serial: int = 1,
    at: datetime = NOON,
    valid_for: timedelta | None = None,
    key_id: str | None = None,
) -> Signed:
    """`data` signed as a test wants it, without any of the checks that ours makes."""
    pair = by or key_pair()
    statement = Statement(
        place=place,
        sha256=sha256_hex(data),
        serial=serial,
        signed_at=at,
        key_id=key_id or pair.public.id,
        not_after=None if valid_for is None else at + valid_for,
    )
    signature = pair.sign_now(statement.to_sign())
    return Signed(statement=statement, algorithm=pair.public.algorithm, signature=signature)


def stored(
    data: bytes | None = ALLOW,
    *signatures: Signed,
    place: Place = PROD,
    envelope: bytes | None = None,
    unsigned: str | None = None,
) -> Stored:
    """`data` lying at `place` with an envelope of these signatures, or the given one, or none."""
    if signatures:
        envelope = print_envelope(Envelope(signatures=signatures, unsigned=unsigned))
    return Stored(
        profile="prod",
        name=place.parameter,
        place=place,
        origin=Origin.SSM,
        remembered_as=str(place),
        data=data,
        version=0 if data is None else 1,
        envelope=envelope,
        envelope_version=0 if envelope is None else 1,
    )


def pinned(*each: KeySet) -> Callable[[], Awaitable[KeySet]]:
    """What a door asks for the pinned keys: these sets in turn, the last for good."""
    left = list(each)

    async def now() -> KeySet:
        return left.pop(0) if len(left) > 1 else left[0]

    return now
