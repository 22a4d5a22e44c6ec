"""`whoami` against an embedded AWS."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from sentinel_server.settings.environ import process_environ
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.terminal import on_a_terminal


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev`."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def configured(sentinel: CommandLine, aws: Sandbox) -> CommandLine:
    """A home whose profile `prod` assumes a role from the keys of `dev`."""
    sentinel.connect(aws)
    return sentinel


def test_the_base_credentials_answer_and_not_the_role(configured: CommandLine, aws: Sandbox) -> None:
    ran = configured("whoami", "--profile", "prod")
    assert ran.status == 0
    rows = dict(line.split("  ", 1) for line in ran.out.splitlines())
    assert {label: text.strip() for label, text in rows.items()} == {
        "ARN": aws.dev_arn,
        "Account": aws.aws.account_id,
        "Kind": "iam-user",
        "Name": "dev",
        "Person": f"iam:{aws.aws.account_id}:dev",
        "Name in policies": "dev",
        "Stamp user": "u.dev",
    }


def test_json_has_the_keys_scripts_know(configured: CommandLine, aws: Sandbox) -> None:
    assert configured("whoami", "--profile", "prod", "--json").json == {
        "arn": aws.dev_arn,
        "account_id": aws.aws.account_id,
        "identity_type": "iam-user",
        "person": f"iam:{aws.aws.account_id}:dev",
        "policy_username": "dev",
        "stamp_user": "u.dev",
    }


def test_the_people_map_has_the_last_word_on_the_person(configured: CommandLine, aws: Sandbox) -> None:
    directory = configured.settings.directories.config
    directory.mkdir(parents=True)
    (directory / "config.yaml").write_text(f"people:\n  deve: ['iam:{aws.aws.account_id}:dev']\n")
    assert configured("whoami", "--profile", "prod", "--json").json["person"] == "person:deve"


def test_a_profile_that_is_not_there_is_bad_input(configured: CommandLine) -> None:
    ran = configured("whoami", "--profile", "prd")
    assert (ran.status, ran.out) == (2, "")
    assert "did you mean 'prod'?" in ran.err


def test_my_own_sessions_are_found_by_asking_aws(configured: CommandLine) -> None:
    configured.set(AWS_PROFILE="base")
    ran = configured("server-sessions", "--mine", "--json")
    assert (ran.status, ran.json["sessions"]) == (0, [])


MINE = ("server-sessions", "list", "breakglass-list")


@pytest.mark.parametrize("command", MINE)
def test_mine_says_whose_rows_those_are(configured: CommandLine, aws: Sandbox, command: str) -> None:
    configured.set(AWS_PROFILE="base")
    me = f"iam:{aws.aws.account_id}:dev"
    ran = configured(command, "--mine")
    assert ran.status == 0, ran.err
    assert f"those of {me}, whose credentials profile 'base' has; as somebody else: --aws-profile" in ran.err
    joined = configured(command, "--mine", "--aws-profile", "prod")
    assert f"those of {me}" not in joined.err, "a control profile acts as itself, here by its role"


@pytest.mark.parametrize("command", MINE)
def test_mine_of_nobody_says_what_to_pass(configured: CommandLine, command: str) -> None:
    configured.set(AWS_PROFILE="nowhere")
    ran = configured(command, "--mine")
    assert ran.status != 0
    assert "--mine asks AWS who you are, and profile 'nowhere' cannot tell: " in ran.err
    assert "--aws-profile NAME" in ran.err


@pytest.mark.parametrize("command", MINE[1:])
def test_mine_for_a_profile_asks_with_its_base(configured: CommandLine, aws: Sandbox, command: str) -> None:
    configured.set(AWS_PROFILE="base")
    me = f"iam:{aws.aws.account_id}:dev"
    ran = configured(command, "--mine", "--profile", "prod")
    assert f"those of {me}, whose credentials profile 'prod' has\n" in ran.err
    ran = configured(command, "--mine", "--profile", "other")
    assert f"those of {me}, whose credentials profile 'base' has; " in ran.err


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("sts", ["whoami", "--profile", "prod"]),
        ("dynamodb", ["server-sessions"]),
        ("dynamodb", ["server-blocks"]),
        ("dynamodb", ["server-revoke", "0123456789abcdef", "--reason", "gone"]),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_who_waits_at_a_terminal_for_over_a_second_sees_why(
    configured: CommandLine, aws: Sandbox, service: str, words: list[str]
) -> None:
    configured.set(SENTINEL_STORE=f"dynamodb://{aws.aws.region}/sentinel-", SENTINEL_CONTROL_PROFILE="base")
    aws.aws.fail(service=service, kind="latency", seconds=1.6)
    try:
        with on_a_terminal([sys.executable, "-m", "cli.main", *words], process_environ()) as screen:
            screen.expect(r"[|/\\-] asking (STS|the store)")
            screen.expect(r"\x1b\[K")
    finally:
        aws.aws.heal()
