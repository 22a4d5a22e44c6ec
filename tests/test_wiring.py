"""Who reads policies and stores: the base credentials, or a control profile as itself; never the target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server import wiring
from sentinel_server.access.facts import Ask
from sentinel_server.access.once import issue_once
from sentinel_server.errors import (
    InvalidSetting,
    PolicyUnavailable,
    PolicyUnverified,
    SentinelError,
    StoreUnavailable,
)
from sentinel_server.policy.roots import root_text
from sentinel_server.policy.schema import Mode
from sentinel_server.policy.sides import approvals, ratelimits
from sentinel_server.settings.environ import read_settings
from sentinel_server.settings.resolve import Settings
from tests.fakes.aws import Sandbox, embedded_aws, trust
from tests.fakes.signers import key_pair

ASK = Ask(profile="prod", mode=Mode.CREDENTIAL_PROCESS)
POLICY = 'version: "1"\nrules:\n  - {name: dev, effect: allow, conditions: {users: [dev]}}\n'
COMMON = "region = us-east-1\nendpoint_url = {url}\n"
CONFIG = f"""
[profile base]
{COMMON}
[profile prod]
role_arn = {{prod}}
source_profile = base
{COMMON}
[profile operator]
role_arn = {{operator}}
source_profile = base
{COMMON}
[profile also-prod]
role_arn = {{prod}}
source_profile = base
{COMMON}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An embedded AWS with the role `operator` beside `prod`, and a policy for `prod` in SSM."""
    with embedded_aws() as running:
        running.aws.add_role("operator", trust(running.dev_arn))
        running.client("ssm").put_parameter(Name="/sentinel/policies/prod", Value=POLICY, Type="String")
        yield running


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """A machine with these profiles, and nothing of ours yet. Nobody has called AWS yet."""
    sandbox.aws.forget_calls()
    operator = sandbox.prod_arn.replace("role/prod", "role/operator")
    config = CONFIG.format(url=sandbox.aws.url, prod=sandbox.prod_arn, operator=operator)
    (tmp_path / "config").write_text(config)
    key = f"aws_access_key_id = {sandbox.dev.access_key_id}\n"
    secret = f"aws_secret_access_key = {sandbox.dev.secret_access_key}\n"
    (tmp_path / "credentials").write_text(f"[base]\n{key}{secret}")
    return {
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def settings(environment: dict[str, str], **flags: str) -> Settings:
    """What is in force with these flags."""
    return read_settings(flags, environment)


async def issued(environment: dict[str, str], **flags: str) -> str:
    """The access key that a one-shot door gives for `prod`. Raises the refusal."""
    async with wiring.open_door(settings(environment, **flags), ASK, wiring.Visitor()) as door:
        return (await issue_once(door.gate, door.seat)).credentials.access_key_id


def callers(sandbox: Sandbox, operation: str) -> set[str]:
    """Who called it in this test."""
    return {(seen.principal or "").rpartition(":")[2] for seen in sandbox.aws.calls_to("ssm", operation)}


async def test_a_control_profile_reads_as_its_own_role(sandbox: Sandbox, environment: dict[str, str]) -> None:
    assert await issued(environment, policies="ssm:///sentinel/policies", control_profile="operator")
    (caller,) = callers(sandbox, "GetParameter")
    assert caller.startswith("assumed-role/operator/")


async def test_without_one_the_base_credentials_read(sandbox: Sandbox, environment: dict[str, str]) -> None:
    assert await issued(environment, policies="ssm:///sentinel/policies")
    assert callers(sandbox, "GetParameter") == {"user/dev"}


async def test_w8_a_control_profile_that_is_the_target_in_disguise_is_refused(
    sandbox: Sandbox, environment: dict[str, str]
) -> None:
    with pytest.raises(InvalidSetting, match="before it is allowed"):
        await issued(environment, policies="ssm:///sentinel/policies", control_profile="also-prod")
    assert not sandbox.aws.calls_to("sts", "AssumeRole")


async def test_who_acts_is_the_control_profile_itself(environment: dict[str, str]) -> None:
    found = await wiring.whoami(settings(environment, control_profile="operator"), None)
    assert (found.kind.value, found.role) == ("assumed-role", "operator")
    assert (await wiring.whoami(settings(environment), "prod")).name == "dev"


@pytest.mark.parametrize(
    ("flags", "error"),
    [
        ({"policies": "ssm://999999999999@/sentinel/policies"}, PolicyUnavailable),
        (
            {"policies": "ssm:///sentinel/policies", "store": "dynamodb://999999999999@us-east-1/"},
            StoreUnavailable,
        ),
        ({"policies": "ssm:///nothing/here"}, PolicyUnavailable),
        ({"policies": "ssm:///sentinel/policies", "store": "dynamodb://us-east-1/none-"}, StoreUnavailable),
    ],
    ids=["policies of another account", "store of another account", "no policy", "no table"],
)
async def test_what_is_not_where_it_is_said_to_be_refuses(
    environment: dict[str, str], flags: dict[str, str], error: type[SentinelError]
) -> None:
    with pytest.raises(error):
        await issued(environment, **flags)


APPROVALS = "kind: approval\nversion: 1\nrules:\n  - {name: team, approvers: [alice]}\n"


async def test_side_policies_come_from_beside_the_policies(
    environment: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / ".config" / "sentinel").mkdir(mode=0o700, parents=True)
    (tmp_path / ".config" / "sentinel" / "approvals.yaml").write_text(APPROVALS)
    async with wiring.open_sides(settings(environment)) as sides:
        found = await approvals(sides)
        assert found is not None
        assert (found.document.rules[0].approvers, found.account) == (("alice",), None)
        assert await ratelimits(sides) is None
    flags = {
        "policies": f"ssm://{sandbox.aws.account_id}@us-east-1/sentinel/policies",
        "control_profile": "base",
    }
    sandbox.client("ssm").put_parameter(Name="/sentinel/approvals", Value=APPROVALS, Type="String")
    async with wiring.open_sides(settings(environment, **flags)) as sides:
        found = await approvals(sides)
        assert found is not None
        assert (found.name, found.account) == ("/sentinel/approvals", sandbox.aws.account_id)
        assert await ratelimits(sides) is None


async def test_a_side_policy_is_refused_from_another_account_and_unsigned_where_keys_are_pinned(
    environment: dict[str, str], tmp_path: Path
) -> None:
    flags = {"approvals": "ssm://444455556666@us-east-1/sentinel/approvals", "control_profile": "base"}
    async with wiring.open_sides(settings(environment, **flags)) as sides:
        with pytest.raises(PolicyUnavailable, match="not in 444455556666"):
            await approvals(sides)
    (tmp_path / "keys.json").write_text('{"format": "sentinel-key-set/1", "keys": []}')
    (tmp_path / "sides.yaml").write_text(APPROVALS)
    flags = {"approvals": f"file://{tmp_path}/sides.yaml", "signing.keys": str(tmp_path / "keys.json")}
    async with wiring.open_sides(settings(environment, **flags)) as sides:
        with pytest.raises(PolicyUnavailable, match="is not signed"):
            await approvals(sides)


async def test_a_door_believes_no_key_set_that_its_root_did_not_sign(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "keys.json").write_text('{"format": "sentinel-key-set/1", "keys": []}')
    flags = {
        "policies": "ssm:///sentinel/policies",
        "signing.keys": str(tmp_path / "keys.json"),
        "signing.root": root_text(key_pair("root").public),
    }
    with pytest.raises(PolicyUnverified, match="the key set is not signed"):
        await issued(environment, **flags)


def test_everything_that_wiring_has_is_where_it_says() -> None:
    assert set(wiring._WHERE) == set(wiring.__all__)
    for name in wiring.__all__:
        assert getattr(wiring, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(wiring, "nonsense")  # noqa: B009
