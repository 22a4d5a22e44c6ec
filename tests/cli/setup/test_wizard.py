"""`sentinel init wizard` with everything given: scripts, files that are there, and what comes of it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server.policy.parse import parse_policy
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev` and the role `prod`."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def home(sentinel: CommandLine, aws: Sandbox) -> CommandLine:
    """A home with the profiles `base`, which has keys, and `prod`, which assumes a role from it."""
    sentinel.connect(aws)
    return sentinel


def ours(sentinel: CommandLine) -> dict[str, Path]:
    """Our configuration's files, by their path within it."""
    top = sentinel.settings.directories.config
    return {str(path.relative_to(top)): path for path in top.rglob("*") if path.is_file()}


PROD = ("init", "wizard", "--profile", "prod")


def test_with_the_usual_answers_a_profile_can_be_used_at_once(home: CommandLine) -> None:
    ran = home(*PROD, "--yes")
    assert ran.status == 0, ran.err
    assert list(ours(home)) == ["policies/prod.yaml"]
    assert home("doctor", "prod").status in (0, 1)
    assert "it lets dev in now, by: server" in home("doctor", "prod").out


def test_files_are_for_their_owner_alone_and_no_answers_stay(home: CommandLine) -> None:
    home(*PROD, "--yes", "--breakglass", "--no-tables", "--no-ssm")
    written = ours(home)
    assert set(written) == {"policies/prod.yaml", "breakglass.yaml", "ratelimits.yaml"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written.values()} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in written.values()} == {0o700}
    assert not list(home.home.rglob("wizard.answers"))


def test_what_to_attach_and_what_to_run_next_are_printed(home: CommandLine, aws: Sandbox) -> None:
    out = home(*PROD, "--yes").out
    assert f"# {aws.dev_arn}: use the profiles" in out
    assert f"# {aws.prod_arn}: its trust policy" in out
    assert out.endswith(
        "Next:\n  sentinel doctor prod\n"
        "  sentinel exec --server --profile prod -- aws sts get-caller-identity\n"
    )


def test_programs_get_the_same_as_json(home: CommandLine, aws: Sandbox) -> None:
    ran = home(*PROD, "--yes", "--tables", "--ssm", "--json")
    found = ran.json
    assert set(found) == {"files", "iam", "next"}
    assert [Path(path).name for path in found["files"]] == ["config.yaml", "prod.yaml"]
    assert f"{aws.dev_arn}: developer" in found["iam"]
    assert found["next"][0] == f"sentinel init all --region {aws.aws.region}"


def test_the_configuration_is_added_to_and_the_rest_of_it_stays(home: CommandLine) -> None:
    path = home.settings.directories.config / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("# ours\nlease: strict  # agreed\n")
    assert home(*PROD, "--yes", "--tables", "--no-ssm", "--region", "eu-central-1").status == 0
    assert path.read_text() == ("# ours\nlease: strict  # agreed\nstore: dynamodb://eu-central-1/sentinel-\n")


def test_what_is_configured_already_is_not_asked_again(home: CommandLine) -> None:
    assert home(*PROD, "--yes", "--tables", "--ssm", "--region", "eu-west-1").status == 0
    before = ours(home)["config.yaml"].read_text()
    ran = home(*PROD, "--yes", "--server")
    assert ran.status == 0, ran.err
    assert "prod.yaml is so already" in ran.err
    assert ours(home)["config.yaml"].read_text() == before
    assert "sentinel init all --region eu-west-1" in ran.out


def test_a_policy_that_is_there_is_shown_as_a_difference_and_stays(home: CommandLine) -> None:
    home(*PROD, "--yes")
    path = ours(home)["policies/prod.yaml"]
    before = path.read_text()
    ran = home(*PROD, "--yes", "--no-server", "--tables", "--region", "eu-central-1")
    assert ran.status == 1
    assert "-    effect: require_server" in ran.err
    assert "+    effect: allow" in ran.err
    assert "nothing was written" in ran.err
    assert list(ours(home)) == ["policies/prod.yaml"]
    assert path.read_text() == before
    assert home(*PROD, "--yes", "--no-server", "--force").status == 0
    assert parse_policy(path.read_bytes(), file="x").rules[0].effect.value == "allow"


def test_without_a_terminal_everything_has_to_be_said(home: CommandLine) -> None:
    ran = home("init", "wizard", "--no-server")
    assert (ran.status, ran.out) == (2, "")
    assert "there is no terminal to ask on: --profile, --user, --approvals/--no-approvals" in ran.err
    assert "next: give them, or take what is usual: --yes" in ran.err
    said = ("--no-approvals", "--no-breakglass", "--no-signing", "--no-tables", "--no-ssm")
    ran = home(*PROD, "--server", *said)
    assert (ran.status, "this needs a yes" in ran.err, ours(home)) == (2, True, {})
    assert home(*PROD, "--server", *said, "--yes").status == 0


def test_options_have_variables(home: CommandLine) -> None:
    home.set(SENTINEL_WIZARD_PROFILE="prod base", SENTINEL_WIZARD_SERVER="false", SENTINEL_YES="true")
    ran = home("init", "wizard")
    assert ran.status == 0, ran.err
    assert set(ours(home)) == {"policies/prod.yaml", "policies/base.yaml"}


def test_a_profile_without_a_role_is_let_through_only_on_request(home: CommandLine) -> None:
    home("init", "wizard", "--profile", "base", "--yes")
    path = ours(home)["policies/base.yaml"]
    assert "allow_unstamped" not in path.read_text()
    home("init", "wizard", "--profile", "base", "--yes", "--force", "--allow-unstamped")
    assert "allow_unstamped: true" in path.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--profile", "prd"), "there is no profile 'prd'"),
        (("--profile", "prod", "--user", "dev*"), "'dev*' is not a user's name"),
        (("--profile", "prod", "--tables", "--region", "frankfurt"), "is not the name of a region"),
        (("--profile", "prod", "--approvals", "--approver", "a b"), "is not a user's name"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    home: CommandLine, words: tuple[str, ...], said: str
) -> None:
    ran = home("init", "wizard", *words, "--yes")
    assert (ran.status, said in ran.err) == (2, True), ran.err
    assert ours(home) == {}


def test_where_aws_does_not_say_who_asks_they_have_to_be_named(home: CommandLine) -> None:
    home.set(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    ran = home(*PROD, "--yes")
    assert ran.status == 2
    assert "AWS did not say who you are" in ran.err
    assert "--user has to be given" in ran.err
    named = home(*PROD, "--yes", "--user", "dev")
    assert named.status == 0
    assert "# whoever uses the profiles: use the profiles" in named.out


def test_a_policy_that_is_given_works_in_the_door(home: CommandLine) -> None:
    home(*PROD, "--yes", "--no-server")
    ran = home("credentials", "--profile", "prod")
    assert ran.status == 0, ran.err
    assert ran.json["Version"] == 1
