"""`init local` and `init sessions`: what they write, and what they will not."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cli.commands.init import ALL_ROLES, APPROVAL_ROLES, BREAKGLASS_ROLES, SESSION_ROLES
from cli.provision import Job, carry_out
from cli.starter import Starter, check, render, user_entry
from sentinel_server.errors import BadInput, Findings, InvalidPolicy, Refused, SentinelError
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Effect, Mode
from sentinel_server.provisioning.apply import Outcome, missing
from sentinel_server.provisioning.desired import Family, sessions_table
from sentinel_server.provisioning.iam import ROLES, Role
from sentinel_server.provisioning.plan import AddIndex, CreateTable, Found, Step
from sentinel_server.settings.environ import process_environ
from sentinel_server.wiring import open_policies
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import NOON
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.processes import DEADLINE
from tests.fakes.terminal import on_a_terminal
from tests.strategies import principals


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev`."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def configured(sentinel: CommandLine, aws: Sandbox) -> CommandLine:
    """A home with the profiles `base`, which has keys, and `prod`, which assumes a role from it."""
    sentinel.connect(aws)
    return sentinel


def policy_path(sentinel: CommandLine, profile: str = "prod") -> Path:
    """Where the profile's policy is or would be."""
    return sentinel.settings.directories.config / "policies" / f"{profile}.yaml"


# ---- init local


def test_a_first_policy_allows_who_ran_it_and_the_door_can_read_it(
    configured: CommandLine, aws: Sandbox
) -> None:
    ran = configured("init", "local", "--profile", "prod", "--yes")
    path = policy_path(configured)
    assert (ran.status, ran.out) == (0, f"{path}\n")
    assert "next: sentinel exec --server --profile prod -- aws sts get-caller-identity" in ran.err

    async def load() -> None:
        async with open_policies(configured.settings) as policies:
            (rule,) = (await policies.load("prod")).policy.rules
            assert (rule.conditions.users, rule.conditions.profiles) == (("dev",), ("prod",))
            assert rule.allow_unstamped is False

    asyncio.run(load())


def test_nobody_else_can_read_or_write_it(configured: CommandLine) -> None:
    configured("init", "local", "--profile", "prod", "--yes")
    path = policy_path(configured)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["prod.yaml"]


def test_a_policy_that_is_there_is_replaced_by_force_only(configured: CommandLine) -> None:
    path = policy_path(configured)
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    ran = configured("init", "local", "--profile", "prod", "--yes")
    assert (ran.status, path.read_text()) == (1, "mine")
    assert "to replace it: --force" in ran.err
    assert configured("init", "local", "--profile", "prod", "--yes", "--force").status == 0
    assert parse_policy(path.read_bytes(), file="x").rules


def test_when_aws_is_silent_the_user_must_be_named(configured: CommandLine) -> None:
    configured.set(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    ran = configured("init", "local", "--profile", "prod", "--yes")
    assert ran.status == 2
    assert "AWS did not say who you are" in ran.err
    assert "--user NAME" in ran.err
    assert not policy_path(configured).exists()
    assert configured("init", "local", "--profile", "prod", "--user", "dev", "--yes").status == 0
    (rule,) = parse_policy(policy_path(configured).read_bytes(), file="x").rules
    assert rule.conditions.users == ("dev",)


def test_a_missing_login_names_the_command_that_mends_it(configured: CommandLine) -> None:
    with (configured.home / ".aws" / "config").open("a") as config:
        config.write(
            "[profile corp]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Dev\n"
            "[sso-session corp]\nsso_start_url = https://corp.example.com/start\nsso_region = us-east-1\n"
        )
    ran = configured("init", "local", "--profile", "corp")
    assert ran.status == 3
    assert "next: log in: sentinel sso login --profile corp" in ran.err
    assert configured("init", "local", "--profile", "corp", "--user", "alice@example.com").status == 0


def test_a_new_file_needs_no_yes_and_an_old_one_is_never_replaced_without_force(
    configured: CommandLine,
) -> None:
    words = ("init", "local", "--profile", "prod", "--user", "dev")
    assert configured(*words).status == 0
    policy_path(configured).write_text("mine")
    assert configured(*words).status != 0
    assert policy_path(configured).read_text() == "mine"
    assert configured(*words, "--force").status == 0


def test_a_profile_without_a_role_is_explained_and_refused_unless_accepted(configured: CommandLine) -> None:
    ran = configured("init", "local", "--profile", "base", "--yes")
    assert ran.status == 0
    assert "profile base has no role to assume" in ran.err
    assert "without allow_unstamped" in ran.err
    (rule,) = parse_policy(policy_path(configured, "base").read_bytes(), file="x").rules
    assert rule.allow_unstamped is False
    ran = configured("init", "local", "--profile", "base", "--yes", "--force", "--allow-unstamped")
    (rule,) = parse_policy(policy_path(configured, "base").read_bytes(), file="x").rules
    assert rule.allow_unstamped is True


@pytest.mark.parametrize(("answer", "flag"), [("y", True), ("n", False)])
def test_on_a_terminal_unstamped_use_is_asked_about(configured: CommandLine, answer: str, flag: bool) -> None:
    words = ["init", "local", "--profile", "base", "--user", "dev"]
    with on_a_terminal([sys.executable, "-m", "cli.main", *words], process_environ()) as terminal:
        terminal.expect(r"accept that\? \[y/N\]: ")
        terminal.line(answer)
        terminal.expect("next: sentinel exec")
        assert terminal.process.wait(DEADLINE) == 0
    (rule,) = parse_policy(policy_path(configured, "base").read_bytes(), file="x").rules
    assert rule.allow_unstamped is flag


def test_a_profile_that_is_not_there_gets_no_policy(configured: CommandLine) -> None:
    ran = configured("init", "local", "--profile", "prd", "--yes")
    assert ran.status == 2
    assert not policy_path(configured, "prd").exists()


@pytest.mark.parametrize("profile", ["../prod", ".prod", "a/b", "a:b", "a\x1bb", "a\\b"])
def test_a_profile_that_leads_elsewhere_is_bad_input(configured: CommandLine, profile: str) -> None:
    assert configured("init", "local", "--profile", profile, "--yes").status == 2


def test_policies_that_are_not_files_are_not_written(configured: CommandLine) -> None:
    ran = configured("init", "local", "--profile", "prod", "--yes", "--policies", "ssm:///sentinel/policies")
    assert ran.status == 2
    assert "this writes files only" in ran.err


def test_a_directory_that_cannot_be_written_is_said(configured: CommandLine) -> None:
    policy_path(configured).parent.parent.mkdir(parents=True)
    policy_path(configured).parent.write_text("in the way")
    ran = configured("init", "local", "--profile", "prod", "--user", "dev", "--yes")
    assert ran.status == 1
    assert f"cannot write in {policy_path(configured).parent}" in ran.err


@given(principals(), st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20))
def test_the_starter_allows_whom_it_was_made_for_and_no_other_account(
    principal: Principal, profile: str
) -> None:
    assume(not {"*", "?"} & set(profile))
    starter = Starter(profile=profile, user=user_entry(principal))
    text = render(starter)
    check(text, starter, principal, NOON)
    policy = parse_policy(text, file="x")
    asks = [
        (principal.account, profile, Effect.ALLOW),
        ("999999999999", profile, None),
        ("", "other-" + profile, None),
    ]
    for home, asked, effect in asks:
        ask = PolicyAsk(
            principal=principal,
            profile=asked,
            mode=Mode.SERVER,
            now=NOON,
            home_account=home,
        )
        rule = evaluate(policy, ask).rule
        bare = principal.kind in (Kind.IAM_USER, Kind.SSO_ROLE)
        if effect is None and asked == profile and not bare:
            continue  # an ARN names its account itself
        assert (rule and rule.effect) == effect


def test_an_ordinary_role_is_meant_whatever_its_session_name() -> None:
    arn = "arn:aws:sts::111122223333:assumed-role/Deploy/chosen"
    principal = Principal(
        partition="aws",
        account="111122223333",
        kind=Kind.ASSUMED_ROLE,
        name="chosen",
        unique_id="AROA:chosen",
        arn=arn,
        role="Deploy",
    )
    assert user_entry(principal) == "arn:aws:sts::111122223333:assumed-role/Deploy/*"


@pytest.mark.parametrize(("profile", "user"), [("pro*", "dev"), ("prod", "de?"), ("prod", "*")])
def test_a_starter_never_means_more_than_it_says(profile: str, user: str) -> None:
    with pytest.raises(BadInput):
        Starter(profile=profile, user=user)


def test_a_user_no_policy_can_name_is_refused(configured: CommandLine) -> None:
    assert configured("init", "local", "--profile", "prod", "--user", "arn:nothing", "--yes").status == 2


def test_a_text_that_refuses_its_own_maker_is_not_written() -> None:
    principal = Principal(
        partition="aws",
        account="111122223333",
        kind=Kind.IAM_USER,
        name="dev",
        unique_id="AIDA",
        arn="arn:aws:iam::111122223333:user/dev",
    )
    other = Starter(profile="prod", user="carol")
    with pytest.raises(Findings, match="would refuse"):
        check(render(other), other, principal, NOON)
    with pytest.raises(InvalidPolicy):
        check("rules: no", other, principal, NOON)


# ---- init sessions


def test_the_roles_on_offer_are_the_roles_there_are() -> None:
    offered = {
        Family.SESSIONS: SESSION_ROLES,
        Family.REQUESTS: APPROVAL_ROLES,
        Family.BREAKGLASS: BREAKGLASS_ROLES,
    }
    assert offered == {family: tuple(role.value for role in roles) for family, roles in ROLES.items()}
    assert set(ALL_ROLES) == {role.value for role in Role}


@pytest.fixture
def region(configured: CommandLine) -> CommandLine:
    """A home where AWS answers and a region is set."""
    configured.set(AWS_PROFILE="base", SENTINEL_REGION="us-east-1")
    return configured


def test_a_plan_changes_nothing(region: CommandLine) -> None:
    ran = region("init", "sessions", "--table", "plan-sessions", "--plan")
    assert ran.status == 0
    assert "  + create table plan-sessions" in ran.out
    assert "nothing is removed" in ran.out
    assert region("init", "sessions", "--table", "plan-sessions", "--plan").out == ran.out


def test_a_table_is_made_once_and_then_nothing_is_missing(region: CommandLine) -> None:
    ran = region("init", "sessions", "--table", "made-sessions", "--yes", "--aws-profile", "base")
    assert ran.status == 0, ran.err
    assert "  control_profile: base" in ran.out
    assert "  session_table: made-sessions\n  region: us-east-1" in ran.out
    again = region("init", "sessions", "--table", "made-sessions", "--yes")
    assert again.status == 0
    listed = region("server-sessions", "--session-table", "made-sessions", "--json")
    assert (listed.status, listed.json["sessions"]) == (0, []), listed.err


def test_a_table_of_another_account_is_not_made_here(region: CommandLine) -> None:
    arn = "arn:aws:dynamodb:us-east-1:999999999999:table/far-sessions"
    ran = region("init", "sessions", "--table", arn, "--yes")
    assert ran.status == 2
    assert "is in account 999999999999, and the credentials are of account" in ran.err
    assert "+ create table" in region("init", "sessions", "--table", "far-sessions", "--plan").out


def test_without_a_terminal_no_table_is_made_unasked(region: CommandLine) -> None:
    ran = region("init", "sessions", "--table", "never-sessions")
    assert ran.status == 2
    assert "add --yes" in ran.err
    assert "+ create table" in region("init", "sessions", "--table", "never-sessions", "--plan").out


def test_a_region_is_needed(sentinel: CommandLine) -> None:
    ran = sentinel("init", "sessions", "--plan")
    assert ran.status == 2
    assert "--region REGION" in ran.err


def iam(sentinel: CommandLine, *words: str) -> Ran:
    """Ask for IAM policies; no AWS is there to be asked."""
    sentinel.set(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    return sentinel("init", "sessions", "--region", "eu-central-1", *words)


@pytest.mark.parametrize("role", SESSION_ROLES)
def test_iam_is_printed_without_aws(sentinel: CommandLine, role: str) -> None:
    ran = iam(sentinel, "--generate-iam", role, "--account", "111122223333")
    assert (ran.status, ran.err) == (0, "")
    assert ran.json["Version"] == "2012-10-17"
    assert "arn:aws:dynamodb:eu-central-1:111122223333:table/sentinel-sessions" in ran.out


def test_iam_of_every_role_is_the_default_and_names_no_account_it_does_not_know(
    sentinel: CommandLine,
) -> None:
    ran = iam(sentinel, "--generate-iam")
    assert set(ran.json) == set(SESSION_ROLES)
    assert "arn:aws:dynamodb:eu-central-1:*:table/sentinel-sessions" in ran.out
    assert "--account ID" in ran.err
    named = iam(
        sentinel, "--table", "arn:aws:dynamodb:eu-west-1:111122223333:table/x-sessions", "--generate-iam"
    )
    assert "arn:aws:dynamodb:eu-west-1:111122223333:table/x-sessions" in json.dumps(named.json)


def test_an_account_that_is_none_is_bad_input(sentinel: CommandLine) -> None:
    assert iam(sentinel, "--generate-iam", "all", "--account", "1234").status == 2


# ---- init approvals, breakglass, all


def test_all_tables_are_made_by_one_yes_and_then_nothing_is_missing(region: CommandLine) -> None:
    region.set(SENTINEL_STORE="dynamodb://us-east-1/team-")
    planned = region("init", "all", "--plan")
    for name in ("team-sessions", "team-requests", "team-breakglass"):
        assert f"  + create table {name} with" in planned.out
    assert "  + let rows of table team-requests be forgotten by their ttl" in planned.out
    made = region("init", "all", "--yes")
    assert made.status == 0, made.err
    assert "  session_table: team-sessions\n  request_table: team-requests\n" in made.out
    assert "sentinel init all --region us-east-1 --session-table team-sessions --request-table" in made.out
    again = region("init", "all", "--plan")
    assert again.out.count("Nothing is missing from") == 3


@pytest.mark.parametrize(
    ("command", "table", "setting"),
    [
        ("approvals", "sentinel-requests", "request_table"),
        ("breakglass", "sentinel-breakglass", "breakglass_table"),
    ],
)
def test_one_ledgers_table_is_made_alone(region: CommandLine, command: str, table: str, setting: str) -> None:
    made = region("init", command, "--yes")
    assert made.status == 0, made.err
    assert f"  {setting}: {table}\n" in made.out
    assert "-sessions" not in made.out
    option = "--" + setting.replace("_", "-")
    named = region("init", command, "--plan", option, "named-table")
    assert "create table named-table" in named.out
    assert "named-table" in region("init", command, "--plan", "--table", "named-table").out


@pytest.fixture(scope="module")
def tables(aws: Sandbox) -> Any:
    """DynamoDB itself, for what no command does."""
    return aws.client("dynamodb")


def test_a_protection_that_is_missing_is_no_table_that_exists(tables: Any, region: CommandLine) -> None:
    region("init", "breakglass", "--table", "poor-breakglass", "--yes")
    tables.update_table(TableName="poor-breakglass", DeletionProtectionEnabled=False)
    tables.update_time_to_live(
        TableName="poor-breakglass", TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"}
    )
    planned = region("init", "breakglass", "--table", "poor-breakglass", "--plan")
    assert "  ~ turn on deletion protection for table poor-breakglass" in planned.out
    assert "  + let rows of table poor-breakglass be forgotten by their ttl" in planned.out


def test_a_table_that_forgets_by_another_attribute_is_a_finding(tables: Any, region: CommandLine) -> None:
    region("init", "approvals", "--table", "forgetful-requests", "--yes")
    for enabled, attribute in ((False, "ttl"), (True, "expires_at")):
        tables.update_time_to_live(
            TableName="forgetful-requests",
            TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
        )
    ran = region("init", "approvals", "--table", "forgetful-requests", "--yes")
    assert ran.status == 1
    assert "forgets rows by their expires_at" in ran.err


def test_iam_of_every_role_of_all_tables_is_one_document_each(sentinel: CommandLine) -> None:
    words = ("init", "all", "--region", "eu-central-1", "--account", "111122223333", "--generate-iam")
    every = sentinel(*words).json
    assert set(every) == {role.value for role in Role}
    one = sentinel(*words, "security").json
    assert one == every["security"]
    named = {resource for each in one["Statement"] for resource in each["Resource"]}
    for table in ("sessions", "requests", "breakglass"):
        assert f"arn:aws:dynamodb:eu-central-1:111122223333:table/sentinel-{table}" in named
    approvals = sentinel("init", "approvals", "--region", "eu-central-1", "--generate-iam")
    assert set(approvals.json) == set(APPROVAL_ROLES)
    assert "the table is named in any account" in approvals.err
    assert sentinel("init", "approvals", "--region", "eu-central-1", "--generate-iam", "invoker").status == 2


class Failing:
    """A provisioner that finds no table, makes it, and fails at the step after that."""

    async def find(self, name: str) -> Found | None:
        """There is none."""
        return None

    async def perform(self, step: Step) -> Outcome:
        """Only the table can be made."""
        if isinstance(step, CreateTable):
            return Outcome.DONE
        raise Refused("AWS does not allow dynamodb:UpdateContinuousBackups")


async def test_a_failed_step_says_what_is_done_and_what_is_left() -> None:
    table = sessions_table("x-sessions")
    steps = await missing(Failing(), table)
    later = Job(provisioner=Failing(), table=table, steps=[AddIndex(table=table, index=table.indexes[0])])
    with pytest.raises(SentinelError) as caught:
        await carry_out([Job(provisioner=Failing(), table=table, steps=steps), later])
    first, *lines = caught.value.message.split("\n")
    assert first == "AWS does not allow dynamodb:UpdateContinuousBackups"
    assert [line.split(":")[0] for line in lines] == ["done", "FAILED", "not done"]
    assert caught.value.exit_status == 1
