"""Keys on this machine: a private Ed25519 key that its owner alone reads, and the pinned public keys."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.errors import AlreadyExists, BadInput, InvalidSetting, SentinelError
from sentinel_server.policy.keys import (
    MAX_KEY_SET,
    KeySet,
    PublicKey,
    local_key_id,
    parse_key_set,
    print_key_set,
)
from sentinel_server.policy.statement import Algorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_READ = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_PEM_LIMIT = 64 * 1024


class LocalSigner:
    """A Signer over a private key that was read from a file."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self._public = _described(_der(private.public_key()))

    @property
    def public(self) -> PublicKey:
        """The key to check with."""
        return self._public

    async def sign(self, message: bytes) -> bytes:
        """A signature over `message`."""
        return self._private.sign(message)


def generate_key(path: Path) -> PublicKey:
    """Make a private key (PEM, 0600) and beside it its public half (`.pub`). Raises AlreadyExists."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    beside = path.with_name(path.name + ".pub")
    for each in (path, beside):  # before either is written, lest a private key be left behind alone
        if os.path.lexists(each):
            raise AlreadyExists(f"{each} is there already", hint="name another file")
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_new(path, secret, 0o600)
    _write_new(beside, public, 0o644)
    return LocalSigner(private).public


def load_signer(path: Path) -> LocalSigner:
    """The private key in the file. Raises BadInput when it is no Ed25519 key, not private, or not there."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(_read(path, private=True), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "a private key without a pass phrase") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _no_key(path, "an Ed25519 key")
    return LocalSigner(private)


def load_public(path: Path, key_id: str | None = None) -> PublicKey:
    """The public key in a PEM file: Ed25519, RSA for PSS, or P-256. Raises BadInput.

    `key_id` is what statements call it: for a KMS key its ARN. An Ed25519 key needs none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(_read(path, private=False))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "a public key in PEM") from error
    if isinstance(public, ed25519.Ed25519PublicKey):
        return _described(_der(public), key_id)
    if key_id is None:
        raise BadInput(f"what do statements call the key in {path}?", hint="name it: --id KEY-ARN")
    algorithm = Algorithm.RSA_PSS if isinstance(public, rsa.RSAPublicKey) else Algorithm.ECDSA
    return PublicKey(id=key_id, algorithm=algorithm, der=_der(public))


def read_key_set(path: Path) -> KeySet:
    """The pinned keys. Raises InvalidSetting when it cannot be read, others can write it, or it is none.

    Others can write it, too, where they can put another file in its place.
    """
    place, fault = path, ""
    try:
        with os.fdopen(os.open(path, _READ), "rb") as file:
            fault = _unsafe(os.fstat(file.fileno()))
            data = file.read(MAX_KEY_SET + 1)
        if not fault:
            place, fault = path.parent, why_not_ours(path.parent.stat(), root_may=True, sticky=True)
    except OSError as error:
        hint = "make one: sentinel policy keys add"
        raise InvalidSetting(
            f"cannot read the key set {path}: {error.strerror or error}", hint=hint
        ) from error
    if fault:
        what = f"the key set {path} {fault}" if place == path else f"{place}, where the key set is, {fault}"
        raise InvalidSetting(what, hint=f"mend that: chmod go-w {place}")
    return parse_key_set(data, str(path))


def write_key_set(path: Path, keys: KeySet) -> None:
    """Replace the key set in one step. Raises SentinelError."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        make_directory(path.parent)
        _write_new(draft, print_key_set(keys).encode(), 0o644)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise SentinelError(f"cannot write the key set {path}: {error.strerror or error}") from error


def _unsafe(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "is not a file"
    return why_not_ours(found, root_may=True)


def _read(path: Path, *, private: bool) -> bytes:
    try:
        with os.fdopen(os.open(path, _READ), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if private and os.name == "posix" and mode & 0o077:
                hint = f"close it: chmod 600 {path}"
                raise BadInput(f"the private key {path} can be read by others", hint=hint)
            return file.read(_PEM_LIMIT)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise AlreadyExists(f"{path} is there already", hint="name another file") from error
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _der(public: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    made: bytes = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return made


def _described(der: bytes, key_id: str | None = None) -> PublicKey:
    return PublicKey(id=key_id or local_key_id(der), algorithm=Algorithm.ED25519, der=der)


def _no_key(path: Path, what: str) -> BadInput:
    return BadInput(f"{path} does not hold {what}", hint="make one: sentinel policy keys generate KEYFILE")
