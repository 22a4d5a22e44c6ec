"""What every store of second factors promises: memory, the keyring of this machine, and SSM."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.factors import SsmFactorStore
from sentinel_server.adapters.aws.timing import Timing
from sentinel_server.adapters.local.factors import VaultFactors
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import KeyringLocked, MfaUnavailable
from sentinel_server.keyring.vault import MemoryVault
from sentinel_server.mfa.enrolment import SecretStore
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import FakeClock
from tests.fakes.factors import ALICE, BOB, Drawer

ONCE = Timing(connect=20, read=20, attempts=1)
DOCUMENT = Secret('{"v":1,"person":"somebody","totp":{}}')


@asynccontextmanager
async def ssm_store(sandbox: Sandbox) -> AsyncIterator[SsmFactorStore]:
    """A store in an embedded AWS."""
    keys = AwsCredentials(
        access_key_id=sandbox.dev.access_key_id, secret_access_key=Secret(sandbox.dev.secret_access_key)
    )

    async def credentials() -> AwsCredentials:
        return keys

    session = AwsSession(
        region=sandbox.aws.region, credentials=credentials, endpoints={"ssm": sandbox.aws.url}
    )
    async with session.client("ssm", ONCE) as client:
        yield SsmFactorStore(client, "/sentinel/mfa")


@pytest.fixture(params=["memory", "vault", "ssm"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[SecretStore]:
    if request.param == "memory":
        yield Drawer()
    elif request.param == "vault":
        yield VaultFactors(MemoryVault(FakeClock()))
    else:
        with embedded_aws() as sandbox:
            async with ssm_store(sandbox) as opened:
                yield opened


async def test_a_document_comes_back_as_it_was(store: SecretStore) -> None:
    await store.write(ALICE, DOCUMENT)
    assert await store.read(ALICE) == DOCUMENT


async def test_what_is_not_there_is_none(store: SecretStore) -> None:
    assert await store.read(ALICE) is None
    assert not await store.remove(ALICE)


async def test_every_person_has_their_own(store: SecretStore) -> None:
    await store.write(ALICE, DOCUMENT)
    await store.write(BOB, Secret("other"))
    assert await store.read(ALICE) == DOCUMENT
    assert await store.remove(BOB)
    assert await store.read(BOB) is None
    assert await store.read(ALICE) == DOCUMENT


async def test_a_document_replaces_the_one_before(store: SecretStore) -> None:
    await store.write(ALICE, DOCUMENT)
    await store.write(ALICE, Secret("new"))
    assert await store.read(ALICE) == Secret("new")


async def test_6_a_parameter_that_is_not_a_secure_string_is_refused() -> None:
    with embedded_aws() as sandbox:
        async with ssm_store(sandbox) as store:
            sandbox.client("ssm").put_parameter(Name=store.name_of(ALICE), Value="plain", Type="String")
            with pytest.raises(MfaUnavailable, match="not a SecureString"):
                await store.read(ALICE)


async def test_what_is_written_to_ssm_is_a_secure_string_under_a_name_that_ssm_takes() -> None:
    with embedded_aws() as sandbox:
        async with ssm_store(sandbox) as store:
            await store.write("sso:alice@example.com", DOCUMENT)
            (found,) = sandbox.client("ssm").describe_parameters()["Parameters"]
    assert found["Type"] == "SecureString"
    assert found["Name"].startswith("/sentinel/mfa/sso-alice-example.com-")


@pytest.mark.parametrize("kind", ["deny", "error500", "throttle", "wrong-json"])
async def test_an_ssm_that_does_not_answer_is_no_absence_and_has_done_nothing(
    kind: Any,
) -> None:
    with embedded_aws() as sandbox:
        async with ssm_store(sandbox) as store:
            sandbox.aws.fail(service="ssm", kind=kind)
            for attempt in (store.read(ALICE), store.write(ALICE, DOCUMENT), store.remove(ALICE)):
                with pytest.raises(MfaUnavailable, match="second factor"):
                    await attempt


async def test_a_keyring_that_stays_closed_is_no_absence() -> None:
    class Closed(MemoryVault):
        """A vault that nobody opens."""

        async def read(self, name: str) -> Secret | None:
            raise KeyringLocked("the keyring needs its passphrase")

    with pytest.raises(MfaUnavailable, match="needs its passphrase") as caught:
        await VaultFactors(Closed(FakeClock())).read(ALICE)
    assert caught.value.hint
