"""MFA devices as STS knows them: a code of the caller's own device, and each code once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.sandbox.mfa import Device, code_at
from tests.fakes.aws import Sandbox, client, embedded_aws, trust
from tests.sandbox.test_sts import keys_of

WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(scope="module")
def device(sandbox: Sandbox) -> Device:
    return sandbox.aws.add_mfa("dev")


@pytest.fixture
def guarded(sandbox: Sandbox, request: pytest.FixtureRequest) -> str:
    name = f"guarded-{abs(hash(request.node.name))}"
    return sandbox.aws.add_role(name, trust(sandbox.dev_arn, condition=WITH_MFA))


def denied(do: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as refused:
        do(**params)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    return str(refused.value.response["Error"]["Message"])


def test_the_codes_are_those_of_rfc_6238() -> None:
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [code_at(seed, seconds // 30) for seconds in (59, 1111111109, 2000000000)] == [
        "287082",
        "081804",
        "279037",
    ]


def test_a_session_with_a_code_may_do_what_wants_mfa(sandbox: Sandbox, device: Device, guarded: str) -> None:
    sts = sandbox.client("sts")
    denied(sts.assume_role, RoleArn=guarded, RoleSessionName="work")
    given = sts.get_session_token(
        SerialNumber=device.serial, TokenCode=sandbox.aws.devices.code(device.serial)
    )
    inside = client(sandbox.aws, "sts", keys_of(given))
    assert inside.assume_role(RoleArn=guarded, RoleSessionName="work")["Credentials"]
    plain = client(sandbox.aws, "sts", keys_of(sts.get_session_token()))
    denied(plain.assume_role, RoleArn=guarded, RoleSessionName="work")


def test_a_code_may_be_given_with_the_role_itself(sandbox: Sandbox, device: Device, guarded: str) -> None:
    code = sandbox.aws.devices.code(device.serial)
    shown = {"SerialNumber": device.serial, "TokenCode": code}
    sts = sandbox.client("sts")
    assert sts.assume_role(RoleArn=guarded, RoleSessionName="work", **shown)["Credentials"]
    assert "invalid MFA" in denied(sts.assume_role, RoleArn=guarded, RoleSessionName="work", **shown)


def test_wrong_codes_and_other_peoples_devices_are_refused(sandbox: Sandbox, device: Device) -> None:
    sts = sandbox.client("sts")
    other = sandbox.aws.add_mfa("somebody-else")
    code = sandbox.aws.devices.code(device.serial)
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    theirs = sandbox.aws.devices.code(other.serial)
    for serial, typed in ((device.serial, wrong), (other.serial, theirs), (f"{device.serial}x", code)):
        assert "invalid MFA" in denied(sts.get_session_token, SerialNumber=serial, TokenCode=typed)
    assert sts.get_session_token(SerialNumber=device.serial, TokenCode=code)["Credentials"]
