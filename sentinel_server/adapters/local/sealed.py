"""Sealing: AES-256-GCM under a key that was drawn, or stretched from a passphrase by scrypt (RFC 7914).

What is sealed is bound to what it is about: moved to another name, end or vault, it does not open.
"""

from __future__ import annotations

import secrets

from sentinel_server.canonical import Json, canonical
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

KEY_BYTES = 32
_NONCE_BYTES = 12
_MEMORY_LIMIT = 1 << 30


class DoesNotOpen(Exception):
    """Another key, or the bytes were changed."""


@frozen
class Scrypt:
    """The cost and salt of a passphrase's key. 2^17, 8, 1 takes 128 MiB and about a third of a second.

    https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#scrypt
    """

    salt: bytes
    n: int = 1 << 17
    r: int = 8
    p: int = 1

    def why_not(self) -> str:
        """What is wrong with numbers from a file: too weak to protect, or too much for this machine."""
        if self.n & (self.n - 1) or self.n < 1 << 10 or not 8 <= self.r <= 32 or not 1 <= self.p <= 16:
            return "its scrypt parameters mean nothing"
        if 128 * self.n * self.r > _MEMORY_LIMIT or len(self.salt) < 16:
            return "its scrypt parameters are out of bounds"
        return ""


def fresh_key() -> bytes:
    """A key from the system's entropy."""
    return secrets.token_bytes(KEY_BYTES)


def stretched(passphrase: Secret, cost: Scrypt) -> bytes:
    """The key of a passphrase; takes as long as `cost` says."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt as Kdf

    kdf = Kdf(salt=cost.salt, length=KEY_BYTES, n=cost.n, r=cost.r, p=cost.p)
    return kdf.derive(passphrase.reveal().encode())


def seal(key: bytes, data: bytes, about: Json) -> bytes:
    """`data`, sealed and bound to `about`: a nonce, then the ciphertext with its tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, canonical(about))


def unseal(key: bytes, sealed: bytes, about: Json) -> bytes:
    """What was sealed. Raises DoesNotOpen."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], canonical(about))
    except (InvalidTag, ValueError) as error:
        raise DoesNotOpen from error
