"""Opens what a passphrase sealed as a compact JWE with PBES2-HS256+A128KW and A256GCM, and nothing else.

https://www.rfc-editor.org/rfc/rfc7518#section-4.8 and https://www.rfc-editor.org/rfc/rfc7516#section-7.1
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from typing import Any

from sentinel_server.adapters.local.sealed import DoesNotOpen
from sentinel_server.secret import Secret

MOST_ITERATIONS = 1 << 20
"""What a file may ask of PBKDF2; aws-vault writes 8192."""


class NoJwe(Exception):
    """The text is no JWE of the one kind that is known here."""


def open_jwe(text: str, passphrase: Secret) -> str:
    """What was sealed. Raises NoJwe, and DoesNotOpen for another passphrase."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    head, wrapped, nonce, sealed, tag = _parts(text)
    header = _header(head)
    try:
        key = aes_key_unwrap(_wrapping_key(header, passphrase), _bytes(wrapped))
        opened = AESGCM(key).decrypt(_bytes(nonce), _bytes(sealed) + _bytes(tag), head.encode("ascii"))
        return opened.decode("utf-8")
    except (InvalidUnwrap, InvalidTag) as error:
        raise DoesNotOpen from error
    except ValueError as error:
        raise NoJwe from error


def _wrapping_key(header: dict[str, Any], passphrase: Secret) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    salt = header["alg"].encode("ascii") + b"\0" + _bytes(header["p2s"])
    kdf = PBKDF2HMAC(algorithm=SHA256(), length=16, salt=salt, iterations=header["p2c"])
    return kdf.derive(passphrase.reveal().encode())


def _parts(text: str) -> list[str]:
    parts = text.strip().split(".")
    if len(parts) != 5:
        raise NoJwe
    return parts


def _header(text: str) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(_bytes(text))
        known = (header["alg"], header["enc"]) == ("PBES2-HS256+A128KW", "A256GCM")
        count, salt = header["p2c"], header["p2s"]
    except (ValueError, KeyError, TypeError) as error:
        raise NoJwe from error
    if not known or type(count) is not int or not 1 <= count <= MOST_ITERATIONS or not isinstance(salt, str):
        raise NoJwe
    return header


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NoJwe from error
