"""KMS's signatures as the real one makes them: moto hashes a digest once more and salts PSS otherwise.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html,
https://docs.aws.amazon.com/kms/latest/cryptographic-details/crypto-primitives.html
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from sentinel_server.sandbox.account import Account
from sentinel_server.sandbox.wire import Call, Refusal, Reply

OPERATIONS = frozenset({"Sign", "GetPublicKey"})
"""What is answered here; the rest is moto's."""

_HASHES = {"256": 32, "384": 48, "512": 64}
_RAW_LIMIT = 4096


def answer(call: Call, account: Account) -> Reply:
    """The reply to one of `OPERATIONS`. Raises Refusal as KMS does."""
    key = _key(call, account)
    fields = _signed(call, key) if call.operation == "Sign" else _public(key)
    body = json.dumps({"KeyId": key.arn, **fields}).encode()
    return Reply(status=200, headers={"Content-Type": "application/x-amz-json-1.1"}, body=body)


def _key(call: Call, account: Account) -> Any:
    from moto.kms.models import kms_backends

    arn = account.key_arn(str(call.params.get("KeyId", "")), call.region)
    key = kms_backends[account.id][call.region].keys.get((arn or "").rpartition("/")[2])
    if key is None:
        raise Refusal("NotFoundException", f"Invalid keyId '{call.params.get('KeyId')}'")
    if not key.enabled:
        raise Refusal("DisabledException", f"{key.arn} is disabled.")
    if key.key_usage != "SIGN_VERIFY":
        raise Refusal("InvalidKeyUsageException", f"{key.arn} key usage is {key.key_usage}")
    return key


def _public(key: Any) -> dict[str, Any]:
    return {
        "PublicKey": base64.b64encode(key.private_key.public_key()).decode(),
        "KeySpec": key.key_spec,
        "KeyUsage": key.key_usage,
        "SigningAlgorithms": key.signing_algorithms,
    }


def _signed(call: Call, key: Any) -> dict[str, Any]:
    algorithm = str(call.params.get("SigningAlgorithm", ""))
    if algorithm not in key.signing_algorithms:
        message = f"Algorithm {algorithm} is incompatible with key spec {key.key_spec}."
        raise Refusal("InvalidKeyUsageException", message)
    digest = _digest(call, algorithm)
    signature = _sign(key.private_key.private_key, algorithm, digest)
    return {"Signature": base64.b64encode(signature).decode(), "SigningAlgorithm": algorithm}


def _digest(call: Call, algorithm: str) -> bytes:
    import hashlib

    try:
        message = base64.b64decode(call.params.get("Message", ""), validate=True)
    except (binascii.Error, TypeError):
        raise Refusal("SerializationException", "Message is not base64") from None
    bits = algorithm[-3:]
    if call.params.get("MessageType", "RAW") == "DIGEST":
        if len(message) != _HASHES[bits]:
            raise Refusal("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")
        return message
    if not 0 < len(message) <= _RAW_LIMIT:
        raise Refusal("ValidationException", "Message must have between 1 and 4096 bytes.")
    return hashlib.new(f"sha{bits}", message).digest()


def _sign(private: Any, algorithm: str, digest: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    kinds: dict[str, hashes.HashAlgorithm] = {
        "256": hashes.SHA256(),
        "384": hashes.SHA384(),
        "512": hashes.SHA512(),
    }
    kind = kinds[algorithm[-3:]]
    if algorithm.startswith("ECDSA"):
        made: bytes = private.sign(digest, ec.ECDSA(Prehashed(kind)))
    elif algorithm.startswith("RSASSA_PSS"):
        salted = padding.PSS(padding.MGF1(kind), kind.digest_size)
        made = private.sign(digest, salted, Prehashed(kind))
    else:
        made = private.sign(digest, padding.PKCS1v15(), Prehashed(kind))
    return made
