"""Codes from an authenticator app: RFC 6238, over RFC 4226. Pure: what was used is remembered elsewhere.

A secret that cannot be used is an error when it is read, so that it can never match anything.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime
from enum import Enum

from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

SHORTEST = 16
"""Bytes of a secret at least: RFC 4226 requires 128 bits."""

FRESH = 20
"""Bytes of a secret of ours: RFC 4226 recommends 160 bits."""

DIGITS = (6, 8)
PERIODS = (15, 120)
WIDEST_SKEW = 2


class Hash(Enum):
    """The hash under the HMAC, by its name in an otpauth URI."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"


@frozen
class Totp:
    """One authenticator. `secret` is Base32, `period` seconds, `skew` the steps before and after that count.

    Raises ValueError for what cannot be used; the message never quotes the secret.
    """

    secret: Secret
    digits: int = 6
    period: int = 30
    skew: int = 1
    algorithm: Hash = Hash.SHA1

    def __post_init__(self) -> None:
        secret_bytes(self.secret)
        if not DIGITS[0] <= self.digits <= DIGITS[1]:
            raise ValueError(f"a code has {DIGITS[0]} to {DIGITS[1]} digits")
        if not PERIODS[0] <= self.period <= PERIODS[1]:
            raise ValueError(f"a period has {PERIODS[0]} to {PERIODS[1]} seconds")
        if not 0 <= self.skew <= WIDEST_SKEW:
            raise ValueError(f"a skew has 0 to {WIDEST_SKEW} steps")

    def code(self, step: int) -> str:
        """The code of one step."""
        digest = hmac.new(
            secret_bytes(self.secret), step.to_bytes(8, "big"), self.algorithm.value.lower()
        ).digest()
        offset = digest[-1] & 0x0F
        number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
        return str(number % 10**self.digits).zfill(self.digits)

    def step(self, now: datetime) -> int:
        """Which step `now` is in."""
        return int(now.timestamp()) // self.period

    def matching(self, given: str, now: datetime) -> int | None:
        """The latest step around `now` whose code was given; None when it is none of them.

        It takes as long whatever was given. Spaces count for nothing, because apps show codes in groups.
        """
        typed = "".join(given.split())
        well_formed = len(typed) == self.digits and typed.isascii() and typed.isdigit()
        compared = typed.encode() if well_formed else b""
        found = None
        for step in range(max(self.step(now) - self.skew, 0), self.step(now) + self.skew + 1):
            if hmac.compare_digest(self.code(step).encode(), compared):
                found = step
        return found

    def uri(self, account: str, issuer: str = "Sentinel") -> Secret:
        """The `otpauth://` URI that apps read, with the secret in it.

        https://github.com/google/google-authenticator/wiki/Key-Uri-Format
        """
        query = {
            "secret": base64.b32encode(secret_bytes(self.secret)).decode().rstrip("="),
            "issuer": issuer,
            "algorithm": self.algorithm.value,
            "digits": str(self.digits),
            "period": str(self.period),
        }
        pairs = "&".join(f"{name}={_quoted(value)}" for name, value in query.items())
        return Secret(f"otpauth://totp/{_quoted(issuer)}:{_quoted(account)}?{pairs}")


def secret_bytes(secret: Secret) -> bytes:
    """What Base32 text stands for. Raises ValueError when it is none, or too short to be a secret.

    Case, spaces, hyphens and missing padding are forgiven: people copy secrets by hand.
    """
    text = "".join(secret.reveal().split()).replace("-", "").upper().rstrip("=")
    try:
        found = base64.b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        raise ValueError("the secret is not Base32") from None
    if len(found) < SHORTEST:
        raise ValueError(f"the secret has {len(found)} bytes; {SHORTEST} are the least")
    return found


def fresh_secret(entropy: bytes) -> Secret:
    """A secret of `FRESH` bytes from the system's entropy, as Base32. Raises ValueError for fewer bytes."""
    if len(entropy) < FRESH:
        raise ValueError(f"{FRESH} bytes of entropy are wanted")
    return Secret(base64.b32encode(entropy[:FRESH]).decode())


def _quoted(text: str) -> str:
    """Percent-encoded but for RFC 3986's unreserved characters."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
