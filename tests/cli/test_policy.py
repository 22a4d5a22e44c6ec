"""`sentinel policy validate` and `explain`, as somebody would type them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import root
from cli.policies.explain import MODES
from sentinel_server.errors import BadInput, InvalidArn, InvalidPolicy
from sentinel_server.policy.schema import Mode

GOOD = """\
version: "1"
trusted_accounts: [111122223333]
rules:
  - name: contractors
    effect: deny
    conditions: {users: [carol, dave], profiles: [prod]}
  - name: office hours
    effect: require_server
    reason: production is watched in office hours
    conditions:
      users: [alice]
      time: {days: [monday, tuesday, wednesday, thursday, friday], hours: {start: 09:00, end: 17:30}}
"""
BAD = "version: 1\nrules:\n  - name: a\n    effect: alow\n    condtions: {}\n    match: any\n"


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return str(path)


def sentinel(*words: str, typed: str = "") -> Result:
    """Runs `sentinel policy` with these words."""
    return CliRunner().invoke(root, ["policy", *words], input=typed)


def explain(good: str, *words: str) -> Result:
    """Asks the good policy about alice on a Monday morning, unless `words` say otherwise."""
    who = () if "--user" in words else ("--user", "alice")
    return sentinel("explain", "--profile", "prod", *who, "--at", "2026-06-08T10:00Z", "--file", good, *words)


def test_a_valid_file_is_said_to_be_one(good: str) -> None:
    result = sentinel("validate", good)
    assert (result.exit_code, result.stdout) == (0, f"{good}: ok, 2 rules\n")
    assert result.stderr.startswith(f"{good}:6:18: warning P008 rule 'contractors': it denies `carol`")
    assert len(result.stderr.splitlines()) == 1


def test_every_problem_is_printed_on_stderr_and_exits_2(bad: str, good: str) -> None:
    result = sentinel("validate", bad, good)
    assert result.exit_code == 2
    assert result.stdout == f"{good}: ok, 2 rules\n"
    first, second, _ = result.stderr.splitlines()
    assert first.startswith(f"{bad}:4:13: rules[0].effect: `alow` is not one of")
    assert second == f"{bad}:5:5: rules[0]: unknown key `condtions`; did you mean `conditions`?"


def test_stdin_is_read_for_a_dash() -> None:
    assert sentinel("validate", "-", typed=GOOD).stdout == "<stdin>: ok, 2 rules\n"
    assert sentinel("validate", "-", typed=BAD).stderr.startswith("<stdin>:4:13: ")


def test_json_has_every_file_with_its_problems(bad: str, good: str) -> None:
    result = sentinel("validate", "--json", good, bad)
    assert (result.exit_code, result.stderr) == (2, "")
    fine, faulty = json.loads(result.stdout)["results"]
    assert (fine["valid"], [each["severity"] for each in fine["issues"]]) == (True, ["warning", "note"])
    assert faulty["issues"][1] == {
        "severity": "error",
        "location": "rules[0]",
        "line": 5,
        "column": 5,
        "message": "unknown key `condtions`",
        "suggestion": "did you mean `conditions`?",
    }


def test_a_file_that_cannot_be_read_exits_6(tmp_path: Path) -> None:
    result = sentinel("validate", str(tmp_path / "none.yaml"), str(tmp_path))
    assert result.exit_code == 6
    assert "none.yaml:1:1: cannot be read: No such file or directory" in result.stderr
    assert "cannot be read: Is a directory" in result.stderr


def test_an_explanation_fits_the_terminal_and_says_why(good: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(good).parent)
    result = explain(Path(good).name)
    assert result.exit_code == 0
    assert result.stdout.replace(Path(good).name, "FILE") == (
        "effect  require_server\n"
        "outcome allow by server\n"
        "rule    2, office hours\n"
        "reason  production is watched in office hours\n"
        "asked   arn:aws:iam::111122223333:user/alice for prod by server\n"
        "at      2026-06-08T10:00:00Z\n"
        "policy  FILE\n"
        "rules that do not match:\n"
        "  1, contractors: users: alice is not one of carol, dave\n"
    )


def test_an_explanation_in_json_has_the_trace(good: str) -> None:
    found = json.loads(explain(good, "--json", "--at", "2026-06-07T12:00+02:00").stdout)
    assert (found["effect"], found["rule"], found["rule_index"]) == ("deny", None, -1)
    assert [miss["why_not"] for miss in found["trace"]] == [
        "users: alice is not one of carol, dave",
        "time: Sunday 10:00 UTC is outside monday-friday 09:00-17:30",
    ]


def test_b27_a_decision_says_how_it_came_about_by_which_policy_and_for_what_time(good: str) -> None:
    found = json.loads(explain(good, "--json").stdout)
    assert found["trace"] == [
        {"rule_index": 0, "rule": "contractors", "why_not": "users: alice is not one of carol, dave"}
    ]
    assert found["policy_sha256"] == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (found["policy_path"], found["policy_version"]) == (good, "")
    assert found["at"] == "2026-06-08T10:00:00Z"


def test_the_outcome_is_that_of_the_door(good: str) -> None:
    by_cli = json.loads(explain(good, "--json", "--mode", "cli").stdout)
    assert (by_cli["effect"], by_cli["outcome"]) == ("require_server", "require_server")
    assert json.loads(explain(good, "--json").stdout)["outcome"] == "allow"


def test_a_matrix_has_everybody_the_policy_names(good: str) -> None:
    result = sentinel("explain", "--profile", "prod", "--matrix", "--at", "2026-06-08T10:00Z", "--file", good)
    assert result.exit_code == 0
    assert result.stdout == (
        "by server at 2026-06-08T10:00:00Z\n"
        "USER                      prod\n"
        "alice                     allow 2\n"
        "carol                     deny 1\n"
        "dave                      deny 1\n"
        "any other IAM user        deny -\n"
        "any other SSO user        deny -\n"
        "any other role's session  deny -\n"
        "\n"
        "   1  contractors\n"
        "   2  office hours\n"
        "   -  no rule matches\n"
    )


def test_a_matrix_in_json_has_every_cell(good: str) -> None:
    found = json.loads(explain(good, "--matrix", "--json", "--user", "alice", "--user", "bob").stdout)
    assert [(cell["user"], cell["profile"], cell["rule"]) for cell in found["cells"]] == [
        ("alice", "prod", "office hours"),
        ("bob", "prod", None),
    ]
    assert (found["mode"], found["at"]) == ("server", "2026-06-08T10:00:00Z")


def test_several_users_need_a_matrix(good: str) -> None:
    result = explain(good, "--user", "alice", "--user", "bob")
    assert isinstance(result.exception, BadInput)
    assert "--matrix" in result.exception.hint


def test_no_line_is_wider_than_80_columns(good: str, tmp_path: Path) -> None:
    wide = tmp_path / "wide.yaml"
    names = ", ".join(f"somebody-{i}" for i in range(40))
    wide.write_text(
        f"version: 1\nrules: [{{name: {'n' * 60}, effect: deny, conditions: {{users: [{names}]}}}}]\n"
    )
    lines = explain(good, "--file", str(wide)).stdout.replace(str(wide), "FILE").splitlines()
    assert max(map(len, lines)) <= 80


def test_a_principal_is_named_by_arn_too(good: str) -> None:
    arn = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0123456789abcdef/carol"
    assert json.loads(explain(good, "--json", "--user", arn).stdout)["rule"] == "contractors"


def test_a_device_rule_that_insists_is_mentioned(good: str, tmp_path: Path) -> None:
    file = tmp_path / "device.yaml"
    device = "{require_mdm: true, override: none}"
    file.write_text(
        f"version: 1\nrules: [{{name: managed, effect: allow, conditions: {{device: {device}}}}}]\n"
    )
    assert "device  rule managed insists on a device" in explain(good, "--file", str(file)).stdout


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["--at", "tomorrow"], BadInput, "is not a time"),
        (["--at", "2026-06-08T10:00"], BadInput, "names no zone"),
        (["--user", "bob smith"], InvalidArn, "bob smith"),
        (["--file", "/nowhere/at/all"], BadInput, "cannot read /nowhere/at/all"),
    ],
)
def test_what_cannot_be_asked_says_why(
    good: str, words: list[str], error: type[Exception], said: str
) -> None:
    result = explain(good, *words)
    assert isinstance(result.exception, error)
    assert said in str(result.exception)


def test_without_a_time_it_is_now(good: str) -> None:
    words = ["--profile", "prod", "--user", "carol", "--file", good]
    assert sentinel("explain", *words).stdout.startswith("effect  deny\nrule    1, contractors\n")


def test_an_invalid_file_explains_nothing(good: str, bad: str) -> None:
    assert isinstance(explain(good, "--file", bad).exception, InvalidPolicy)


def test_the_modes_offered_are_those_of_policies() -> None:
    assert tuple(mode.value for mode in Mode) == MODES


def test_validating_imports_neither_boto3_nor_aiohttp_and_the_schema_no_yaml(good: str) -> None:
    program = (
        "import sys, sentinel_server.policy.schema\n"
        "assert 'yaml' not in sys.modules\n"
        "from cli.commands.policy import policy\n"
        "assert 'yaml' not in sys.modules\n"
        "policy(['validate', sys.argv[1]], standalone_mode=False)\n"
        "assert not {'boto3', 'botocore', 'aiohttp'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", program, good], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{good}: ok, 2 rules\n"), done.stderr
