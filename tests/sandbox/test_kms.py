"""The embedded KMS signs as the real one does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.fakes.aws import embedded_aws

MESSAGE = b"a message"
DIGEST = hashlib.sha256(MESSAGE).digest()


@pytest.fixture(scope="module")
def kms() -> Iterator[Any]:
    with embedded_aws() as sandbox:
        yield sandbox.client("kms")


def make(kms: Any, spec: str, usage: str = "SIGN_VERIFY") -> str:
    arn: str = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]
    return arn


def check(kms: Any, arn: str, signature: bytes) -> None:
    """Raises InvalidSignature unless it is one over MESSAGE, as anybody would check it."""
    public = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, MESSAGE, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, MESSAGE, ec.ECDSA(SHA256()))


@pytest.mark.parametrize(
    ("spec", "algorithm"), [("RSA_2048", "RSASSA_PSS_SHA_256"), ("ECC_NIST_P256", "ECDSA_SHA_256")]
)
def test_a_digest_and_its_message_are_signed_alike(kms: Any, spec: str, algorithm: str) -> None:
    arn = make(kms, spec)
    for words in ({"Message": MESSAGE}, {"Message": DIGEST, "MessageType": "DIGEST"}):
        answer = kms.sign(KeyId=arn, SigningAlgorithm=algorithm, **words)
        assert (answer["KeyId"], answer["SigningAlgorithm"]) == (arn, algorithm)
        check(kms, arn, answer["Signature"])


def test_a_key_is_found_by_id_and_alias(kms: Any) -> None:
    arn = make(kms, "ECC_NIST_P256")
    kms.create_alias(AliasName="alias/policies", TargetKeyId=arn)
    for name in (arn.rpartition("/")[2], "alias/policies"):
        assert kms.get_public_key(KeyId=name)["KeyId"] == arn


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"Message": b"x" * 4097}, "ValidationException"),
        ({"Message": MESSAGE, "MessageType": "DIGEST"}, "ValidationException"),
        ({"Message": MESSAGE, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}, "InvalidKeyUsageException"),
        ({"Message": MESSAGE, "KeyId": "00000000-0000-4000-8000-000000000000"}, "NotFoundException"),
    ],
)
def test_a8_what_kms_refuses_is_refused(kms: Any, words: dict[str, Any], code: str) -> None:
    given = {"KeyId": make(kms, "ECC_NIST_P256"), "SigningAlgorithm": "ECDSA_SHA_256", **words}
    with pytest.raises(ClientError) as caught:
        kms.sign(**given)
    assert caught.value.response["Error"]["Code"] == code


def test_a_disabled_key_and_one_for_encryption_sign_nothing(kms: Any) -> None:
    off = make(kms, "ECC_NIST_P256")
    kms.disable_key(KeyId=off.rpartition("/")[2])
    for arn, code in (
        (off, "DisabledException"),
        (make(kms, "RSA_2048", "ENCRYPT_DECRYPT"), "InvalidKeyUsage"),
    ):
        with pytest.raises(ClientError, match=code):
            kms.sign(KeyId=arn, Message=MESSAGE, SigningAlgorithm="ECDSA_SHA_256")
