"""Side policies are signed, pushed, verified and rolled back as access policies are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from sentinel_server import wiring
from sentinel_server.errors import PolicyUnverified
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.kinds import SIDE_NAMES
from sentinel_server.policy.sides import LoadedSide, approvals
from sentinel_server.settings.environ import process_environ, read_settings
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.shipping import POLICY, Team
from tests.policy.test_kinds import APPROVAL, TEXTS

NARROWER = APPROVAL.replace("[group:leads, carol]", "[group:leads]")
BELOW = {f"kind:{kind.value}": (name, TEXTS[kind]) for kind, name in SIDE_NAMES.items()}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture
def signing(sentinel: CommandLine, sandbox: Sandbox) -> Team:
    team = Team(sentinel, sandbox)
    team.pin_a_key()
    return team


def at_a_door() -> LoadedSide[ApprovalPolicy] | None:
    """The approval policy as whoever lifts a denial reads it."""

    async def read() -> LoadedSide[ApprovalPolicy] | None:
        flags = {"control_profile": "base", "region": "us-east-1"}
        async with wiring.open_sides(read_settings(flags, process_environ())) as sides:
            return await approvals(sides)

    return asyncio.run(read())


@pytest.mark.parametrize("what", BELOW)
def test_each_kind_goes_there_and_back(signing: Team, what: str) -> None:
    name, text = BELOW[what]
    pushed = signing.push(text, profile=what)
    assert pushed.out == f"/sentinel/{name}: version 1, serial 1\n", pushed.err
    assert signing("pull", what, "--verify").out == text
    assert signing("verify", what).status == 0
    assert signing("diff", what, signing.file(text)).status == 0
    changed = f"# again\n{text}"
    assert signing("diff", what, signing.file(changed)).status == 1
    assert signing.push(changed, profile=what).status == 0
    sign = ("--yes", "--sign-with", str(signing.key))
    assert signing("rollback", what, *sign).out == f"/sentinel/{name}: version 3, serial 3\n"
    assert [each["serial"] for each in signing("history", what, "--json").json["versions"]] == [3, 2, 1]
    assert f"/sentinel/{name}: no serial below 3 is accepted" in signing("keys", "pin", what).err


def test_a_door_takes_the_signed_one_and_no_other(signing: Team) -> None:
    assert at_a_door() is None
    assert signing.push(APPROVAL, profile="kind:approval").status == 0
    loaded = at_a_door()
    assert loaded is not None
    assert (loaded.serial, loaded.account) == (1, signing.sandbox.aws.account_id)
    assert loaded.document.rules[0].approvals_required == 2
    ssm = signing.sandbox.client("ssm")
    ssm.put_parameter(Name="/sentinel/approvals", Value=NARROWER, Type="String", Overwrite=True)
    with pytest.raises(PolicyUnverified, match="is not what was signed"):
        at_a_door()
    ssm.delete_parameters(Names=["/sentinel/approvals", "/sentinel/approvals.sig"])
    with pytest.raises(PolicyUnverified, match="does not exist, and a signed one was in use"):
        at_a_door()


def test_an_older_one_does_not_come_back(signing: Team) -> None:
    ssm = signing.sandbox.client("ssm")
    names = ("/sentinel/approvals", "/sentinel/approvals.sig")
    signing.push(APPROVAL, profile="kind:approval")
    old = {name: ssm.get_parameter(Name=name)["Parameter"]["Value"] for name in names}
    signing.push(NARROWER, profile="kind:approval")
    assert at_a_door()
    for name, text in old.items():
        ssm.put_parameter(Name=name, Value=text, Type="String", Overwrite=True)
    with pytest.raises(PolicyUnverified, match="its serial 1 is older than 2"):
        at_a_door()


def test_a_signature_made_elsewhere_is_pushed_with_its_document(signing: Team) -> None:
    file = signing.file(APPROVAL)
    place = ("--parameter", "/sentinel/approvals", "--account", signing.sandbox.aws.account_id)
    region = ("--region", "us-east-1")
    assert signing("sign", file, *place, *region, "--sign-with", str(signing.key)).status == 0
    assert signing("verify", file, *place, *region).status == 0
    pushed = signing("push", "kind:approval", file, "--yes", "--signature", f"{file}.sig")
    assert pushed.status == 0, pushed.err
    assert at_a_door()


def test_no_kind_is_taken_for_another_and_no_policy_for_a_side(signing: Team) -> None:
    wrong = signing.push(POLICY, profile="kind:approval")
    assert (wrong.status, "rules[0]" in wrong.err) == (2, True)
    diff = signing("diff", "kind:approval", signing.file(POLICY))
    assert (diff.status, "`approvers` is missing" in diff.err) == (2, True)
    wrong = signing.push(APPROVAL, profile="prod")
    assert (wrong.status, "`approval` is not an access policy" in wrong.err) == (2, True)
    for what in ("kind:policy", "kind:bootstrap", "kind:"):
        unknown = signing("pull", what)
        assert (unknown.status, "write one of kind:approval, kind:breakglass" in unknown.err) == (2, True)


def test_they_lie_beside_the_directory_of_the_policies_or_where_it_is_said(
    sentinel: CommandLine, sandbox: Sandbox
) -> None:
    team = Team(sentinel, sandbox)
    team.run.set(SENTINEL_POLICIES=f"file://{team.run.home}/repo/policies")
    assert team("push", "kind:approval", team.file(APPROVAL), "--yes").status == 0
    assert (team.run.home / "repo" / "approvals.yaml").read_text() == APPROVAL
    team.run.set(SENTINEL_APPROVALS=f"file://{team.run.home}/repo/who-approves.yml")
    assert team("push", "kind:approval", team.file(NARROWER), "--yes").status == 0
    assert (team.run.home / "repo" / "who-approves.yml").read_text() == NARROWER
    loaded = at_a_door()
    assert loaded is not None
    assert loaded.name.endswith("who-approves.yml")
