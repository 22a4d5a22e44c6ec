"""`sentinel doctor`: everything is looked at, and what is wrong comes with the command that mends it."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from sentinel_server.clock import SystemClock
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.seed import Seeded, seed
from sentinel_server.settings.environ import process_environ
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.command_words import lacking
from tests.fakes.identity_center import corp
from tests.fakes.receiver import Posted, receiving_elsewhere
from tests.fakes.vaults import BACKEND


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev` and the role `prod`."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def home(sentinel: CommandLine, aws: Sandbox) -> Iterator[CommandLine]:
    """A home in which `sentinel exec --profile prod` works."""
    sentinel.connect(aws)
    (sentinel.home / ".aws" / "credentials").chmod(0o600)
    assert sentinel("init", "local", "--profile", "prod", "--yes").status == 0
    yield sentinel
    aws.aws.heal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What doctor said, and its exit status."""

    status: int
    findings: list[dict[str, str | None]] = field(repr=False)

    def of(self, topic: str, *verdicts: str) -> list[str]:
        """What was said of a topic, of these verdicts or of all."""
        return [
            str(each["what"])
            for each in self.findings
            if each["topic"] == topic and (not verdicts or each["verdict"] in verdicts)
        ]

    def mends(self, *verdicts: str) -> list[str | None]:
        """What would mend those."""
        return [each["mend"] for each in self.findings if each["verdict"] in verdicts]


def doctor(sentinel: CommandLine, *words: str) -> Told:
    """What doctor says, as a program reads it."""
    ran = sentinel("doctor", *words, "--json")
    assert "canary" not in ran.out + ran.err
    for each in ran.json["findings"]:
        for command in re.findall(r"\bsentinel [a-z][^|;#,]*", each["mend"] or ""):
            assert lacking(shlex.split(command)[1:]) == [], command
    return Told(status=ran.status, findings=ran.json["findings"])


def test_where_all_is_well_it_says_so_and_exits_0(home: CommandLine, aws: Sandbox) -> None:
    told = doctor(home, "prod")
    assert (told.status, told.mends("problem", "warning", "unknown")) == (0, [])
    assert told.of("identity") == [f"profile prod: {aws.dev_arn}"]
    assert told.of("policy")[-1] == "it lets dev in now, by: server, cli, credential_process"
    assert told.of("clock") == ["this machine's clock agrees with AWS's"]
    assert {str(each["topic"]) for each in told.findings} == {
        *("config", "state", "keyring", "clock", "network", "identity", "policy", "stores", "endpoint")
    }


def test_what_was_changed_from_the_defaults_is_counted(home: CommandLine) -> None:
    assert doctor(home, "prod").of("config")[0] == "0 settings changed from the defaults, all understood"
    assert home("config", "set", "lease", "strict", "max_session", "8h").status == 0
    home.set(SENTINEL_LEASE="full", SENTINEL_RATE_LIMIT="50")
    assert doctor(home, "prod").of("config")[0] == "3 settings changed from the defaults, all understood"


def test_it_changes_nothing_and_assumes_no_role(home: CommandLine, aws: Sandbox) -> None:
    before = sorted(path for path in home.home.rglob("*") if path.is_file())
    aws.aws.forget_calls()
    doctor(home, "prod")
    assert sorted(path for path in home.home.rglob("*") if path.is_file()) == before
    unsigned = ""
    assert {call.operation for call in aws.aws.calls} == {unsigned, "GetCallerIdentity"}


def test_the_profile_that_the_environment_names_is_not_assumed_either(
    home: CommandLine, aws: Sandbox
) -> None:
    home.set(AWS_PROFILE="prod")
    aws.aws.forget_calls()
    told = doctor(home)
    assert told.of("identity") == [f"profile prod: {aws.dev_arn}"]
    assert aws.aws.calls_to("sts", "AssumeRole") == []


def test_people_read_it_in_80_columns(home: CommandLine) -> None:
    (home.home / ".aws" / "credentials").chmod(0o644)
    ran = home("doctor", "prod")
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert "  problem  the AWS keys " in ran.out
    assert "           try: chmod 600 " in ran.out
    assert ran.out.splitlines()[-1].startswith("1 problem, ")
    assert ran.status == 1


def test_a_spreadsheet_reads_it_too(home: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(home("doctor", "prod", "--output", "csv").out)))
    assert {"config", "endpoint"} <= {row["topic"] for row in rows}
    assert set(rows[0]) == {"topic", "verdict", "what", "why", "mend"}


# ---- what is wrong on this machine


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("leese: strict\n", "config.yaml:1:1: unknown setting 'leese'; did you mean `lease`?"),
        ("lease: 5s\n", "a lease is standard, strict, full or a duration of at least 60s"),
        ("[", "not YAML"),
    ],
)
def test_a_broken_configuration_hides_nothing_else(home: CommandLine, text: str, said: str) -> None:
    (home.settings.directories.config / "config.yaml").write_text(text)
    told = doctor(home, "prod")
    (problem,) = told.of("config", "problem")
    assert (told.status, said in problem) == (1, True), problem
    assert told.of("network", "ok")
    assert told.of("policy", "ok")


def test_a_variable_that_is_none_is_a_problem_and_the_file_still_counts(home: CommandLine) -> None:
    path = home.settings.directories.config / "config.yaml"
    path.write_text("max_session: 8h\n")
    home.set(SENTINEL_LEESE="strict")
    told = doctor(home, "prod")
    assert told.of("config", "problem") == ["SENTINEL_LEESE is not a variable of sentinel"]
    assert told.of("state", "ok")[-2].startswith(("the configuration", "policies"))


def test_a_profile_that_is_not_there_is_a_problem_with_the_likely_one(home: CommandLine) -> None:
    told = doctor(home, "prd")
    assert told.status == 1
    assert told.of("config", "problem")[0].startswith("there is no profile 'prd'")
    assert "did you mean 'prod'?" in told.mends("problem")


def test_a_policy_that_is_missing_or_broken_is_a_problem(home: CommandLine) -> None:
    path = home.settings.directories.config / "policies" / "prod.yaml"
    path.write_text("rules: nonsense\n")
    assert "prod.yaml" in doctor(home, "prod").of("policy", "problem")[0]
    path.unlink()
    told = doctor(home, "prod")
    assert (told.status, len(told.of("policy", "problem"))) == (1, 1)


def test_a_state_directory_that_others_can_write_is_a_problem(home: CommandLine) -> None:
    state = home.settings.directories.state
    state.mkdir(parents=True)
    state.chmod(0o777)
    told = doctor(home, "prod")
    assert told.of("state", "problem") == [f"the state directory {state} can be written by others"]
    assert told.mends("problem") == [f"chmod 700 {state}"]


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (BACKEND, "there is none; a new one is encrypted and opened by tests.fakes.os_keyring.MemoryKeyring"),
        ("file", "there is none; a new one is an encrypted file with a passphrase"),
    ],
)
def test_which_keyring_there_would_be_is_told(home: CommandLine, backend: str, said: str) -> None:
    home.set(SENTINEL_KEYRING_BACKEND=backend)
    assert doctor(home, "prod").of("keyring") == [said]


def test_a_keyring_that_is_there_is_opened(home: CommandLine) -> None:
    home.set(SENTINEL_KEYRING_BACKEND=BACKEND, AWS_ACCESS_KEY_ID="AKIACANARY000000000X")
    home.set(AWS_SECRET_ACCESS_KEY="canary" * 7)
    assert home("keyring", "add", "kept", "--env").status == 0
    home.set(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    (said,) = doctor(home, "prod").of("keyring", "ok")
    assert said.endswith("is encrypted and opened by tests.fakes.os_keyring.MemoryKeyring; it opens")


def test_a_keyring_whose_passphrase_nobody_says_is_told_and_asked_for_by_nobody(home: CommandLine) -> None:
    home.set(SENTINEL_KEYRING_BACKEND="file", SENTINEL_KEYRING_PASSPHRASE="canary canary canary")
    home.set(AWS_ACCESS_KEY_ID="AKIACANARY000000000X", AWS_SECRET_ACCESS_KEY="canary" * 7)
    assert home("keyring", "add", "kept", "--env").status == 0
    home.set(SENTINEL_KEYRING_PASSPHRASE="", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    (said,) = doctor(home, "prod").of("keyring", "ok")
    assert said.endswith("opened by a passphrase, which is asked for when it is needed")
    home.set(SENTINEL_KEYRING_PASSPHRASE="canary, but another")
    told = doctor(home, "prod")
    assert told.of("keyring", "ok", "problem")


def test_without_a_profile_and_without_aws_there_is_a_word_on_what_was_not_looked_at(
    sentinel: CommandLine,
) -> None:
    sentinel.set(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    told = doctor(sentinel)
    assert told.of("identity", "warning") == ["there is no profile default"]
    assert told.of("stores")[0].endswith("is made by the first session")


# ---- what is wrong with AWS


def test_an_aws_that_does_not_answer_is_a_problem_of_the_network(home: CommandLine) -> None:
    home.set(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    told = doctor(home, "prod")
    assert told.status == 6
    assert told.of("network", "problem") == ["sts does not answer at 127.0.0.1:9"]
    assert told.of("clock", "unknown")
    assert told.of("identity", "problem")
    assert told.of("policy", "ok")


def test_an_aws_that_hangs_is_given_up_in_time(home: CommandLine, aws: Sandbox) -> None:
    aws.aws.fail(service="sts", kind="latency", seconds=60)
    told = doctor(home, "prod", "--within", "1s")
    assert told.of("identity", "unknown") == ["getting base credentials: no answer within 1 s"]
    assert told.status == 6
    assert told.of("policy", "ok")


def test_keys_that_aws_does_not_know_are_a_problem(home: CommandLine) -> None:
    (home.home / ".aws" / "credentials").write_text(
        "[base]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = canary\n"
    )
    told = doctor(home, "prod")
    assert told.status == 1
    assert told.of("identity", "problem")[0].startswith("no base credentials of profile prod: ")


def test_a_login_that_has_lapsed_is_named_with_the_command_that_renews_it(
    sentinel: CommandLine, tmp_path: Path
) -> None:
    with corp(tmp_path / "corp") as made:
        sentinel.set(**made.env())
        told = doctor(sentinel, "prod")
    assert told.status == 1
    assert told.of("identity", "problem")[0].startswith("no base credentials of profile prod: ")
    assert any("sentinel sso login --profile " in str(mend) for mend in told.mends("problem"))


class Late(SystemClock):
    """A clock of AWS that is ten minutes ahead of this machine's."""

    def now(self) -> datetime:
        """Ten minutes from now."""
        return datetime.now(UTC) + timedelta(minutes=10)  # noqa: TID251  # the machine's own is compared


def test_a_clock_that_is_off_is_a_problem(sentinel: CommandLine) -> None:
    with embedded_aws(clock=Late()) as late:
        sentinel.connect(late)
        told = doctor(sentinel, "prod")
    (said,) = told.of("clock", "problem")
    seconds = int(said.removeprefix("this machine's clock is ").partition(" ")[0])
    assert seconds == pytest.approx(600, abs=30)


# ---- a team's tables and parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A seeded account with shared stores."""

    aws: EmbeddedAws
    seeded: Seeded


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Policies in SSM, everything else in DynamoDB."""
    with EmbeddedAws() as aws:
        home = tmp_path_factory.mktemp("seeded")
        yield Shared(aws=aws, seeded=seed(aws, home, process_environ(), shared=True))


@pytest.fixture
def team(sentinel: CommandLine, account: Shared) -> Iterator[CommandLine]:
    """A developer of that account."""
    names = ("AWS_", "XDG_")
    sentinel.set(**{k: v for k, v in account.seeded.environment.items() if k.startswith(names)})
    yield sentinel
    account.aws.heal()


def test_a_developer_is_told_of_tables_and_parameters(team: CommandLine) -> None:
    told = doctor(team, "prod")
    assert (told.status, told.mends("problem", "warning", "unknown")) == (0, [])
    assert [said.partition(" answers")[0] for said in told.of("network")] == ["sts", "ssm", "dynamodb"]
    reads = "dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:Query on sentinel-sessions: allowed"
    assert told.of("permissions")[0] == reads
    assert told.of("permissions")[-1] == "ssm:GetParameter on /sentinel/policies/prod: allowed"
    assert "table sentinel-requests is not shown to you" in told.of("stores")


def test_what_is_refused_is_named_with_the_policy_that_allows_it(team: CommandLine, account: Shared) -> None:
    account.aws.fail(service="dynamodb", kind="deny", operation="BatchGetItem")
    told = doctor(team, "prod")
    assert told.status == 1
    assert told.of("permissions", "problem") == ["dynamodb:BatchGetItem on sentinel-sessions is refused"]
    assert told.mends("problem") == [
        "sentinel init sessions --region us-east-1 --session-table sentinel-sessions --generate-iam developer"
    ]
    assert len(told.of("permissions", "warning")) == 2


def test_a_table_that_is_not_there_is_named_with_the_command_that_makes_it(
    team: CommandLine, account: Shared
) -> None:
    account.aws.heal()
    told = doctor(
        team, "prod", "--store", f"dynamodb://{account.aws.region}/other-", "--aws-profile", "security"
    )
    missing = [said for said in told.of("stores", "problem") if "is not there" in said]
    assert "table other-sessions is not there" in missing
    assert any("sentinel init sessions" in str(mend) for mend in told.mends("problem"))


def test_a_policy_that_may_not_be_read_is_told_twice_and_looked_for_once(
    team: CommandLine, account: Shared
) -> None:
    account.aws.fail(service="ssm", kind="deny")
    told = doctor(team, "prod")
    assert told.of("permissions", "problem") == ["ssm:GetParameter on /sentinel/policies/prod is refused"]
    assert told.of("policy", "problem")


# ---- inside a served shell


def inside(
    sentinel: CommandLine, tmp_path: Path, answer: web.Response, **variables: str
) -> tuple[Told, list[Posted]]:
    """What is told in a shell whose endpoint answers so, and what the endpoint was asked."""
    token = tmp_path / "token"
    token.write_text("canary-token")
    with receiving_elsewhere() as endpoint:
        endpoint.otherwise = lambda _: answer
        sentinel.set(
            AWS_SENTINEL="prod",
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"http://127.0.0.1:{endpoint.port}/credentials",
            AWS_CONTAINER_AUTHORIZATION_TOKEN="canary-token",
            AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(token),
            **variables,
        )
        return doctor(sentinel), endpoint.got


def given() -> web.Response:
    """Credentials, as the server gives them."""
    return web.Response(
        body=json.dumps({"Code": "Success", "SecretAccessKey": "canary"}).encode(),
        headers={"Content-Type": "application/json"},
    )


def test_in_a_served_shell_the_endpoint_is_asked_with_the_token(
    sentinel: CommandLine, tmp_path: Path
) -> None:
    told, asked = inside(sentinel, tmp_path, given())
    assert told.status == 0
    assert told.of("identity")[0].startswith("this shell is served profile prod")
    assert "gives credentials for this token" in told.of("endpoint")[-1]
    assert [posted.headers["Authorization"] for posted in asked] == ["canary-token"]
    assert not told.of("policy")


def test_a_refusal_is_repeated_as_the_server_words_it(sentinel: CommandLine, tmp_path: Path) -> None:
    body = {"code": "SessionRevoked", "message": "session 1 was revoked by carol"}
    refusal = web.Response(status=403, body=json.dumps(body).encode(), content_type="application/json")
    told, _ = inside(sentinel, tmp_path, refusal)
    assert told.status == 1
    assert told.of("endpoint", "problem")[-1].endswith("refuses: 403 SessionRevoked")
    assert [each["why"] for each in told.findings if each["verdict"] == "problem"] == [body["message"]]


def test_who_would_not_use_the_endpoint_is_named(sentinel: CommandLine, tmp_path: Path) -> None:
    told, _ = inside(
        sentinel, tmp_path, given(), AWS_ACCESS_KEY_ID="AKIACANARYcanary", AWS_SECRET_ACCESS_KEY="canary"
    )
    assert "AWS CLI, boto3" in told.of("endpoint", "problem")[0]
    assert told.mends("problem") == ["unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"]


def test_an_endpoint_that_is_gone_is_a_problem(sentinel: CommandLine) -> None:
    sentinel.set(
        AWS_SENTINEL="prod",
        AWS_CONTAINER_CREDENTIALS_FULL_URI="http://127.0.0.1:9/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN="canary-token",
    )
    told = doctor(sentinel)
    assert any("does not answer (" in said for said in told.of("endpoint", "problem"))


def test_a_token_is_shown_to_no_other_machine(sentinel: CommandLine) -> None:
    sentinel.set(
        AWS_SENTINEL="prod",
        AWS_CONTAINER_CREDENTIALS_FULL_URI="http://credentials.example.com/x",
        AWS_CONTAINER_AUTHORIZATION_TOKEN="canary-token",
    )
    told = doctor(sentinel)
    assert told.of("endpoint", "problem")[0] == "AWS_CONTAINER_CREDENTIALS_FULL_URI is not of this machine"


def test_a_wrong_flag_is_still_a_usage_error(home: CommandLine) -> None:
    ran: Ran = home("doctor", "prod", "--within", "soon")
    assert (ran.status, ran.out) == (2, "")


def test_a_chosen_profile_that_is_not_there_does_not_keep_aws_from_being_reached(home: CommandLine) -> None:
    home.set(AWS_PROFILE="gone")
    told = doctor(home, "prod")
    assert any("sts answers" in what for what in told.of("network", "ok"))
    assert not told.of("network", "problem", "unknown")
