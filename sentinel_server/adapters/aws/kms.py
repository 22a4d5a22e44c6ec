"""Signatures by an asymmetric KMS key, whose private half never leaves KMS."""

from __future__ import annotations

import hashlib

from sentinel_server.adapters.aws.answers import answer_errors
from sentinel_server.adapters.aws.clients import KmsClient
from sentinel_server.errors import BadInput, SentinelError
from sentinel_server.policy.keys import PublicKey
from sentinel_server.policy.statement import Algorithm

_ALGORITHMS = (Algorithm.RSA_PSS, Algorithm.ECDSA)
_HINT = "make one: aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256"


class KmsSigner:
    """A Signer over `client`, which must be open. KMS is sent a digest, so no size is too large for it."""

    def __init__(self, client: KmsClient, public: PublicKey) -> None:
        self._client = client
        self._public = public

    @property
    def public(self) -> PublicKey:
        """The key to check with; its id is the key's ARN."""
        return self._public

    async def sign(self, message: bytes) -> bytes:
        """A signature over `message`. Raises SentinelError, LoginRequired, IdentityUnavailable."""
        with answer_errors(f"signing with the KMS key {self._public.id}", SentinelError):
            answer = await self._client.sign(
                KeyId=self._public.id,
                Message=hashlib.sha256(message).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=self._public.algorithm.value,
            )
            signature: bytes = answer["Signature"]
        return signature


async def kms_public_key(client: KmsClient, key: str) -> PublicKey:
    """The public half of a KMS key, named by id, ARN or alias.

    Raises BadInput when it is not one for signing by an algorithm of ours, SentinelError when KMS fails.
    """
    with answer_errors(f"reading the public key of the KMS key {key}", SentinelError):
        answer = await client.get_public_key(KeyId=key)
        arn, der = answer["KeyId"], answer["PublicKey"]
    offered = answer.get("SigningAlgorithms", ())
    algorithm = next((each for each in _ALGORITHMS if each.value in offered), None)
    if algorithm is None or answer.get("KeyUsage") != "SIGN_VERIFY" or _wrong_curve(answer.get("KeySpec")):
        raise BadInput(f"the KMS key {key} does not sign by RSASSA_PSS_SHA_256 or ECDSA_SHA_256", hint=_HINT)
    return PublicKey(id=arn, algorithm=algorithm, der=der)


def _wrong_curve(spec: object) -> bool:
    """ECDSA_SHA_256 is also that of secp256k1, which is not checked here."""
    return isinstance(spec, str) and spec.startswith("ECC_") and spec != "ECC_NIST_P256"
