"""`policy diff` and `policy explain --matrix` on policies in an SSM Parameter Store of an embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine, Ran

RULES = "rules:\n  - {{name: team, effect: require_server_session, conditions: {{users: [{users}]}}}}\n"
OLD = 'version: "1"\n' + RULES.format(users="alice")
NEW = 'version: "1"\n' + RULES.format(users="alice, bob")


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def stored(sentinel: CommandLine, aws: Sandbox) -> CommandLine:
    """A command line whose policies are in SSM, that of `prod` being OLD."""
    sentinel.connect(aws)
    sentinel.set(
        SENTINEL_POLICIES=f"ssm://{aws.aws.region}/sentinel/policies", SENTINEL_CONTROL_PROFILE="base"
    )
    aws.client("ssm").put_parameter(
        Name="/sentinel/policies/prod", Value=OLD, Type="SecureString", Overwrite=True
    )
    return sentinel


def diff(stored: CommandLine, tmp_path: Path, text: str, *words: str, profile: str = "prod") -> Ran:
    """Compares the stored policy of a profile with a file of this text."""
    (tmp_path / "new.yaml").write_text(text)
    return stored("policy", "diff", *words, profile, str(tmp_path / "new.yaml"))


def test_b21_the_stored_bytes_are_no_difference(stored: CommandLine, tmp_path: Path) -> None:
    ran = diff(stored, tmp_path, OLD)
    assert (ran.status, ran.out, ran.err) == (0, "", "sentinel: no difference\n")


def test_a_comment_is_a_difference_of_text_and_none_of_meaning(stored: CommandLine, tmp_path: Path) -> None:
    ran = diff(stored, tmp_path, "# reviewed\n" + OLD)
    assert ran.status == 1
    assert "+# reviewed\n" in ran.out
    assert "means the same for 5 users and 2 profiles" in ran.out
    assert diff(stored, tmp_path, "# reviewed\n" + OLD, "--meaning-only").status == 0


def test_a_bare_name_is_somebody_in_the_account_of_the_parameter(
    stored: CommandLine, aws: Sandbox, tmp_path: Path
) -> None:
    account = aws.dev_arn.split(":")[4]
    named = OLD.replace("rules:", f'trusted_accounts: ["{account}"]\nrules:')
    assert diff(stored, tmp_path, named, "--meaning-only").status == 0
    moved = OLD.replace("rules:", 'trusted_accounts: ["444455556666"]\nrules:')
    ran = diff(stored, tmp_path, moved, "--meaning-only", "--json")
    assert [
        (c["change"], c["users"]) for c in ran.json["meaning"]["changes"] if c["modes"] == ["server"]
    ] == [
        ("loses", [f"alice (IAM user of {account})", f"alice (SSO user of {account})"]),
        ("gains", ["alice (IAM user of 444455556666)", "alice (SSO user of 444455556666)"]),
    ]


def test_both_the_heading_and_the_profile_say_what_is_compared(stored: CommandLine, tmp_path: Path) -> None:
    ran = diff(stored, tmp_path, NEW)
    assert ran.out.startswith("--- /sentinel/policies/prod (version ")
    assert "gains    bob\n  on     prod, any other profile\n  by     server\n" in ran.out
    assert "  now    allow with a session in a shared store\n" in ran.out
    assert "  now    refuse, server mode only\n" in ran.out


def test_a_profile_without_a_policy_is_compared_with_nothing(stored: CommandLine, tmp_path: Path) -> None:
    ran = diff(stored, tmp_path, OLD, profile="dev")
    assert ran.status == 1
    assert ran.err == "sentinel: nothing is stored at /sentinel/policies/dev yet\n"


def test_b21_a_store_that_cannot_be_asked_is_no_difference_and_no_sameness(
    stored: CommandLine, tmp_path: Path
) -> None:
    stored.set(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    ran = diff(stored, tmp_path, OLD)
    assert (ran.status, ran.out) == (6, "")


def test_the_matrix_of_a_stored_policy_names_its_version(stored: CommandLine, aws: Sandbox) -> None:
    ran = stored("policy", "explain", "--profile", "prod", "--matrix", "--json", "--mode", "cli")
    assert ran.status == 0
    assert ran.json["policy_path"] == "/sentinel/policies/prod"
    assert int(ran.json["policy_version"]) >= 1
    first = ran.json["cells"][0]
    assert (first["user"], first["effect"], first["outcome"]) == (
        "alice",
        "require_server_session",
        "require_server",
    )
    assert first["principal"] == f"arn:aws:iam::{aws.dev_arn.split(':')[4]}:user/alice"
