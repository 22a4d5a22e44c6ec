"""Private keys that stay private, and key sets that nobody else can have written."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sentinel_server.adapters.local.key_file import (
    generate_key,
    load_public,
    load_signer,
    read_key_set,
    write_key_set,
)
from sentinel_server.errors import AlreadyExists, BadInput, InvalidSetting, SentinelError
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.signing import sign_policy
from sentinel_server.policy.statement import Algorithm
from tests.fakes.clock import NOON
from tests.fakes.signers import ALLOW, PROD, key_pair


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.key"


def test_a_new_key_is_private_and_signs(file: Path) -> None:
    before = os.umask(0)
    try:
        public = generate_key(file)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    signer = load_signer(file)
    assert signer.public == public == load_public(file.with_name("policy.key.pub"))
    made = asyncio.run(sign_policy(signer, PROD, ALLOW, serial=1, now=NOON))
    assert made.statement.key_id == public.id


def test_no_key_is_overwritten(file: Path) -> None:
    generate_key(file)
    with pytest.raises(AlreadyExists, match=r"policy\.key is there"):
        generate_key(file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_not_used(file: Path, mode: int) -> None:
    generate_key(file)
    file.chmod(mode)
    with pytest.raises(BadInput, match="can be read by others") as caught:
        load_signer(file)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("secret", ["nonsense", "encrypted", "rsa", "missing"])
def test_what_is_no_ed25519_key_is_refused(file: Path, secret: str) -> None:
    encryption = BestAvailableEncryption(b"x") if secret == "encrypted" else NoEncryption()
    private = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if secret == "rsa"
        else key_pair().private
    )
    if secret != "missing":
        data = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
        file.write_bytes(b"nonsense" if secret == "nonsense" else data)
        file.chmod(0o600)
    with pytest.raises(BadInput, match=r"policy\.key"):
        load_signer(file)


def test_the_public_half_of_a_kms_key_needs_its_arn(file: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(BadInput, match="what do statements call"):
        load_public(file)
    found = load_public(file, "arn:aws:kms:eu-west-1:111122223333:key/1")
    assert (found.algorithm, found.id[-1]) == (Algorithm.ECDSA, "1")
    file.write_text("nonsense")
    with pytest.raises(BadInput, match="public key in PEM"):
        load_public(file)


KEYS = KeySet(keys=(key_pair().public,))


def test_a_key_set_is_written_whole_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    write_key_set(path, KEYS)
    write_key_set(path, KEYS.pin(PROD, 3))
    assert read_key_set(path) == KEYS.pin(PROD, 3)
    assert os.listdir(path.parent) == ["keys.json"]


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_key_set_that_others_can_write_is_not_believed(file: Path, mode: int) -> None:
    write_key_set(file, KEYS)
    file.chmod(mode)
    with pytest.raises(InvalidSetting, match="can be written by others"):
        read_key_set(file)


def test_a_key_set_in_a_directory_that_others_can_write_is_not_believed(file: Path) -> None:
    """They could put another file of ours in its place: the set from before a key was retired."""
    write_key_set(file, KEYS)
    file.parent.chmod(0o777)
    with pytest.raises(InvalidSetting, match="can be written by others"):
        read_key_set(file)
    file.parent.chmod(0o1777)
    assert read_key_set(file) == KEYS, "where the sticky bit is set only owners replace files"


def test_a_key_set_that_is_not_there_or_no_file_is_said_so(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="cannot read the key set"):
        read_key_set(file)
    os.mkfifo(file)
    with pytest.raises(InvalidSetting, match="is not a file"):
        read_key_set(file)
    (tmp_path / "plain").write_text("")
    with pytest.raises(SentinelError, match="cannot write the key set"):
        write_key_set(tmp_path / "plain" / "keys.json", KEYS)
