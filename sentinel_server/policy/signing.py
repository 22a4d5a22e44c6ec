"""Making and checking signatures over statements. Checking asks nobody: it needs the pinned keys alone.

`cryptography` costs 50 ms to import, so it is imported where a signature is made or checked and not before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.canonical import sha256_hex
from sentinel_server.clock import MAX_SKEW, whole_seconds
from sentinel_server.errors import InvalidSetting, PolicyUnverified, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.policy.keys import KeySet, PublicKey
from sentinel_server.policy.statement import (
    MAX_SERIAL,
    Algorithm,
    Envelope,
    Place,
    Signed,
    Statement,
    parse_envelope,
    signatures_in,
)
from sentinel_server.policy.stored import SUFFIX, Stored

_SALT = 32
"""KMS's PSS salt is as long as the hash (https://datatracker.ietf.org/doc/html/rfc8017#section-9.1)."""
_RSA_BITS = 2048
"""The smallest RSA key that is believed."""


class Signer(Protocol):
    """Signs with one key, whose public half it knows."""

    @property
    def public(self) -> PublicKey:
        """The key to check with."""
        ...

    async def sign(self, message: bytes) -> bytes:
        """A signature over `message` by the key's algorithm. Raises SentinelError when there is none."""
        ...


class Torn(Exception):
    """No statement is about these bytes: they were changed, or are read while somebody writes."""


@frozen
class Unsigned:
    """There is no signature of the bytes, and there was none to be expected."""


async def sign_policy(
    signer: Signer,
    place: Place,
    data: bytes,
    *,
    serial: int,
    now: datetime,
    valid_for: timedelta | None = None,
) -> Signed:
    """`data` signed as the policy of `place`. What came back is checked before anybody relies on it.

    Raises SentinelError when the signer fails or what it gave does not hold.
    """
    if not 0 < serial <= MAX_SERIAL:
        raise SentinelError(f"{serial} cannot be a serial")
    at = now.replace(microsecond=0)
    statement = Statement(
        place=place,
        sha256=sha256_hex(data),
        serial=serial,
        signed_at=at,
        key_id=signer.public.id,
        not_after=None if valid_for is None else at + valid_for,
    )
    signed = Signed(
        statement=statement,
        algorithm=signer.public.algorithm,
        signature=await signer.sign(statement.to_sign()),
    )
    if not holds(signer.public, signed):
        raise SentinelError(f"the signature that {signer.public.id} gave does not hold")
    return signed


def holds(key: PublicKey, signed: Signed) -> bool:
    """Whether `key` made the signature over the statement; nothing else is looked at."""
    return made_by(key, signed.statement.to_sign(), signed.signature)


def made_by(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether `key` made the signature over the bytes."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(key.der)
        match key.algorithm:
            case Algorithm.ED25519 if isinstance(public, ed25519.Ed25519PublicKey):
                public.verify(signature, message)
            case Algorithm.RSA_PSS if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _RSA_BITS:
                public.verify(signature, message, PSS(MGF1(SHA256()), _SALT), SHA256())
            case Algorithm.ECDSA if _is_p256(public):
                assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101  # `_is_p256` has seen it
                public.verify(signature, message, ec.ECDSA(SHA256()))
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def check_key(key: PublicKey) -> None:
    """Raises InvalidSetting when the key is not one of its algorithm, or too weak to be believed."""
    if read_public(key.der, key.id).algorithm is not key.algorithm:
        raise InvalidSetting(f"{key.id} is not a key for {key.algorithm.value}")


def read_public(der: bytes, key_id: str) -> PublicKey:
    """The public key whose SubjectPublicKeyInfo is `der`, by its one algorithm of ours.

    Raises InvalidSetting when it is none, or too weak to be believed.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(der)
    except (UnsupportedAlgorithm, ValueError) as error:
        raise InvalidSetting(f"{key_id} is not a public key") from error
    if isinstance(public, ed25519.Ed25519PublicKey):
        return PublicKey(id=key_id, algorithm=Algorithm.ED25519, der=der)
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= _RSA_BITS:
        return PublicKey(id=key_id, algorithm=Algorithm.RSA_PSS, der=der)
    if _is_p256(public):
        return PublicKey(id=key_id, algorithm=Algorithm.ECDSA, der=der)
    raise InvalidSetting(f"{key_id} is not a key that policies can be signed with")


def _is_p256(public: object) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec

    return isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)


def verify(stored: Stored, keys: KeySet, *, now: datetime, highest: int) -> Statement | Unsigned:
    """The statement under which the stored bytes are accepted at `now`, or that they are not signed.

    `highest` is the highest serial that was accepted before. Raises PolicyUnverified with the reason, Torn
    when no statement is about these bytes. Pure but for the arithmetic: asks nobody.
    """
    if stored.envelope is None:
        return Unsigned()
    envelope = parse_envelope(stored.envelope, stored.name + SUFFIX)
    sha256 = sha256_hex(stored.data or b"")
    about = [signed for signed in envelope.signatures if signed.statement.sha256 == sha256]
    if not about:
        if envelope.unsigned == sha256:
            return Unsigned()
        raise Torn
    reasons: list[str] = []
    for signed in sorted(about, key=lambda each: each.statement.serial, reverse=True):
        reason = next(_faults(signed, keys, stored.place, now, highest), None)
        if reason is None:
            return signed.statement
        reasons.append(reason)
    raise PolicyUnverified(f"the signature of {stored.name} is not accepted: {reasons[0]}")


def tampered(stored: Stored) -> PolicyUnverified:
    """The refusal of bytes that no signature is about."""
    return PolicyUnverified(f"{stored.name} is not what was signed: it was changed after signing")


def gone(stored: Stored) -> PolicyUnverified:
    """The refusal where a document was signed and now there is none: whoever may delete it could lift it."""
    return PolicyUnverified(
        f"{stored.name} does not exist, and a signed one was in use",
        hint="put it back: sentinel policy rollback; to do without it, sign one that asks for nothing",
    )


def unsigned(stored: Stored) -> PolicyUnverified:
    """The refusal of a policy without a signature."""
    return PolicyUnverified(
        f"{stored.name} is not signed, and signatures are required", hint="sign it: sentinel policy push"
    )


def next_serial(stored: Stored, keys: KeySet | None, highest: int = 0) -> int:
    """One more than every serial used so far for this place, as far as is known here.

    With `keys`, signatures that do not hold count for nothing, so that nobody can use the numbers up.
    """
    used = [highest, 0 if keys is None else keys.minimum(stored.place)]
    used += [
        signed.statement.serial
        for signed in signatures_in(stored.envelope)
        if signed.statement.place == stored.place and (keys is None or _genuine(signed, keys))
    ]
    return max(used) + 1


def envelope_for(stored: Stored, signed: Signed) -> Envelope:
    """The envelope to write before the bytes that `signed` is about.

    It keeps the signature of the bytes that are there, and of what somebody is just about to put there.
    """
    if stored.data is None:
        return Envelope(signatures=(signed,))
    sha256 = sha256_hex(stored.data)
    old = signatures_in(stored.envelope)
    current = [each for each in old if each.statement.sha256 == sha256]
    if current:
        floor = min(each.statement.serial for each in current)
        newer = [each for each in old if each not in current and each.statement.serial > floor]
        return Envelope(signatures=(signed, *current[:1], *newer[:1]))
    was_unsigned = stored.envelope is None or _unsigned_in(stored.envelope) == sha256
    return Envelope(signatures=(signed,), unsigned=sha256 if was_unsigned else None)


def _unsigned_in(envelope: bytes) -> str | None:
    try:
        return parse_envelope(envelope, "").unsigned
    except PolicyUnverified:
        return None


def _genuine(signed: Signed, keys: KeySet) -> bool:
    key = keys.find(signed.statement.key_id)
    return key is not None and not key.owner and signed.algorithm is key.algorithm and holds(key, signed)


def _faults(signed: Signed, keys: KeySet, place: Place, now: datetime, highest: int) -> Iterator[str]:
    """Everything that speaks against the signature, the plainest reason first."""
    said = signed.statement
    key = keys.find(said.key_id)
    if said.place != place:
        yield f"it is for {said.place}, not for {place}"
    if key is None:
        yield f"the key {said.key_id} is not in the key set"
        return
    if key.owner:
        yield f"the key {key.id} signs the approvals of {key.owner}, and no policies"
    if signed.algorithm is not key.algorithm:
        yield f"it says {signed.algorithm.value}, and the key {key.id} is for {key.algorithm.value}"
    elif not holds(key, signed):
        yield f"the key {key.id} did not make it"
    yield from _untimely(said, key, now)
    minimum = keys.minimum(place)
    if said.serial < minimum:
        yield f"its serial {said.serial} is below {minimum}, which the key set asks for"
    if said.serial < highest:
        yield f"its serial {said.serial} is older than {highest}, which was in use here before"


def _untimely(said: Statement, key: PublicKey, now: datetime) -> Iterator[str]:
    for instant in (now, said.signed_at):
        if reason := key.why_not(instant):
            yield f"the key {key.id} {reason}"
    if said.signed_at > now + MAX_SKEW:
        yield f"it was made in the future, at {whole_seconds(said.signed_at)}"
    if said.not_after is not None and now >= said.not_after:
        yield f"it expired at {whole_seconds(said.not_after)}"
