"""Signing by KMS: it is sent a digest, and what it cannot do is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.kms import KmsSigner, kms_public_key
from sentinel_server.credentials.endpoints import Direct
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import BadInput, SentinelError
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.signing import sign_policy, verify
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import NOON
from tests.fakes.signers import PROD, stored


class Opened:
    """An embedded AWS, and our client of its KMS."""

    def __init__(self, sandbox: Sandbox, client: Any) -> None:
        self.sandbox = sandbox
        self.client = client

    def make(self, spec: str, usage: str = "SIGN_VERIFY") -> str:
        """A new key's ARN."""
        answer = self.sandbox.client("kms").create_key(KeySpec=spec, KeyUsage=usage)
        arn: str = answer["KeyMetadata"]["Arn"]
        return arn


@pytest.fixture
async def kms() -> AsyncIterator[Opened]:
    with embedded_aws() as sandbox:
        keys = AwsCredentials(
            access_key_id=sandbox.dev.access_key_id, secret_access_key=Secret(sandbox.dev.secret_access_key)
        )

        async def credentials() -> AwsCredentials:
            return keys

        session = AwsSession(
            region=sandbox.aws.region,
            credentials=credentials,
            endpoints={"kms": sandbox.aws.url},
            direct=Direct(),
        )
        async with session.calls("kms") as client:
            yield Opened(sandbox, client)


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_4096", "ECC_NIST_P256"])
async def test_a8_a_policy_of_20_kib_is_signed_by_kms_and_verified_without_it(kms: Opened, spec: str) -> None:
    arn, policy = kms.make(spec), b"# " + b"x" * 20 * 1024
    signer = KmsSigner(kms.client, await kms_public_key(kms.client, arn))
    made = await sign_policy(signer, PROD, policy, serial=1, now=NOON)
    assert made.statement.key_id == arn
    assert len(kms.sandbox.aws.calls_to("kms", "Sign")) == 1
    kms.sandbox.aws.forget_calls()
    keys = KeySet(keys=(signer.public,))
    assert verify(stored(policy, made), keys, now=NOON, highest=0) == made.statement
    assert kms.sandbox.aws.calls == []


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("RSA_2048", "ENCRYPT_DECRYPT"), ("ECC_NIST_P384", "SIGN_VERIFY"), ("ECC_SECG_P256K1", "SIGN_VERIFY")],
)
async def test_a_key_that_cannot_sign_policies_is_refused(kms: Opened, spec: str, usage: str) -> None:
    with pytest.raises((BadInput, SentinelError), match="KMS key"):
        await kms_public_key(kms.client, kms.make(spec, usage))


async def test_a9_what_kms_says_is_an_error_of_ours(kms: Opened) -> None:
    arn = kms.make("ECC_NIST_P256")
    signer = KmsSigner(kms.client, await kms_public_key(kms.client, arn))
    kms.sandbox.aws.fail(service="kms", kind="deny", operation="Sign", count=1)
    with pytest.raises(SentinelError, match="AccessDenied") as caught:
        await signer.sign(b"x")
    assert caught.value.hint
    kms.sandbox.aws.fail(service="kms", kind="wrong-json", count=2)
    with pytest.raises(SentinelError, match=r"signing with .*: the answer is not one of AWS"):
        await signer.sign(b"x")
    with pytest.raises(SentinelError, match=r"reading the public key .*: the answer is not one of AWS"):
        await kms_public_key(kms.client, arn)
    with pytest.raises(SentinelError, match="NotFoundException"):
        await kms_public_key(kms.client, "00000000-0000-4000-8000-000000000000")
