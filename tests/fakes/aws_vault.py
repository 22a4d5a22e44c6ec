"""aws-vault as its users have it: its files, written as it writes them, and its command as a script."""

from __future__ import annotations

import json
import os
import sys
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

PASSPHRASE = "vault passphrase"
"""What opens the files, unless a test says otherwise."""

SESSION_NAME = "sts.GetSessionToken,YmFzZQ,YXJuOmF3czppYW06OjExMTEyMjIyMzMzMzptZmEvZGV2,1789999999"
"""What aws-vault calls a session."""


def an_item(name: str, key_id: str, secret: str, token: str = "") -> str:
    """The JSON of an item: `Data` is what the AWS SDK for Go makes of credentials."""
    data = {
        "AccessKeyID": key_id,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Source": "",
        "CanExpire": bool(token),
        "Expires": "0001-01-01T00:00:00Z",
    }
    return json.dumps(
        {
            "Key": name,
            "Data": b64encode(json.dumps(data).encode()).decode(),
            "Label": f"aws-vault ({name})",
            "Description": "",
            "KeychainNotTrustApplication": True,
            "KeychainNotSynchronizable": False,
        }
    )


def sealed(text: str, passphrase: str = PASSPHRASE, *, count: int = 8192, **changed: object) -> str:
    """A compact JWE by RFC 7518 §4.8; `changed` replaces what the header says."""
    salt = os.urandom(12)
    header = {
        "alg": "PBES2-HS256+A128KW",
        "created": "2026-01-31 12:00:00.000000 +0000 UTC m=+0.02",
        "enc": "A256GCM",
        "p2c": count,
        "p2s": _text(salt),
    }
    head = _text(json.dumps({**header, **changed}).encode())
    kdf = PBKDF2HMAC(SHA256(), 16, b"PBES2-HS256+A128KW\0" + salt, count)
    key, nonce = os.urandom(32), os.urandom(12)
    wrapped = aes_key_wrap(kdf.derive(passphrase.encode()), key)
    data = AESGCM(key).encrypt(nonce, text.encode(), head.encode())
    return ".".join([head, *map(_text, (wrapped, nonce, data[:-16], data[-16:]))])


def write_item(directory: Path, name: str, key_id: str, secret: str, passphrase: str = PASSPHRASE) -> Path:
    """One file of the `file` backend."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(sealed(an_item(name, key_id, secret), passphrase))
    return path


SCRIPT = """#!{python}
import json, os, sys
keys = {keys!r}
with open({log!r}, "a") as log:
    log.write(json.dumps([sys.argv[1:], sorted(name for name in os.environ if "SENTINEL" in name)]) + "\\n")
if os.environ.get("AWS_VAULT"):
    sys.exit("aws-vault: error: running in an existing aws-vault subshell")
if sys.argv[1:] == ["list", "--credentials"]:
    print("\\n".join(keys))
    sys.exit(0)
assert sys.argv[1:-1] == ["export", "--no-session", "--format=json", "--"], sys.argv
name = sys.argv[-1]
config = open(os.environ["AWS_CONFIG_FILE"]).read()
assert "role_arn" not in config and ("profile " + name in config or name == "default" or " " in name), config
if keys[name] is None:
    sys.exit("aws-vault: error: Failed to get credentials")
print(json.dumps(dict(Version=1, **keys[name])))
"""


def write_command(directory: Path, keys: dict[str, dict[str, str] | None]) -> Path:
    """A command `aws-vault` that knows these keys and notes how it is called; where the notes are."""
    directory.mkdir(parents=True, exist_ok=True)
    log, path = directory / "called", directory / "aws-vault"
    path.write_text(SCRIPT.format(python=sys.executable, keys=keys, log=str(log)))
    path.chmod(0o755)
    return log


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
