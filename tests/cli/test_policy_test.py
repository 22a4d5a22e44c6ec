"""`sentinel policy test`: 0 passed, 1 failed, 2 not what it should be, 6 not readable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from cli.main import root
from sentinel_server.errors import BadInput
from tests.fakes.command_line import CommandLine

ROOT = Path(__file__).parents[2]
POLICY = """\
version: "1"
trusted_accounts: ["111122223333"]
rules:
  - name: freeze
    effect: deny
    conditions: {profiles: [prod], time: {days: [saturday, sunday]}}
  - name: team
    effect: require_server
    conditions: {users: [alice]}
  - name: managed
    effect: allow
    conditions: {device: {require_mdm: true, override: none}}
"""
PASSING = """\
tests:
  - name: alice works on Mondays
    who: alice
    profile: prod
    when: monday 10:00
    expect: {outcome: allow, rule: team}
"""
FAILING = """\
tests:
  - name: alice may use <any> door
    who: alice
    profile: prod
    mode: cli
    when: monday 10:00
    expect: {outcome: allow, rule: temas}
  - name: everybody else & all others
    who: [bob, carol, dave, erin]
    profile: dev
    when: monday 10:00
    expect: {outcome: allow}
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy file, with tests beside it that pass."""
    (tmp_path / "prod.yaml").write_text(POLICY)
    (tmp_path / "prod.tests.yaml").write_text(PASSING)
    return str(tmp_path / "prod.yaml")


@pytest.fixture
def failing(tmp_path: Path) -> str:
    """Tests that fail."""
    (tmp_path / "failing.yaml").write_text(FAILING)
    return str(tmp_path / "failing.yaml")


def test_tests_beside_the_policy_are_found(sentinel: CommandLine, policy: str) -> None:
    ran = sentinel("policy", "test", policy)
    assert (ran.status, ran.out, ran.err) == (0, "1 test, none failed; 1 of 3 rules selected (33%)\n", "")


def test_a_failure_is_told_with_all_that_led_to_it(sentinel: CommandLine, policy: str, failing: str) -> None:
    ran = sentinel("policy", "test", policy, failing)
    assert ran.status == 1
    first, second, _ = ran.out.replace(failing, "t.yaml").split("\n\n")
    assert first == (
        "FAIL  alice may use <any> door  (t.yaml:2)\n"
        "      asked     arn:aws:iam::111122223333:user/alice for prod by cli at Monday\n"
        "                2026-06-01T10:00+00:00\n"
        "      decided   require_server by rule 2, team\n"
        "      wrong     outcome require_server instead of allow\n"
        "                rule 'team' decides instead of 'temas', which the policy does\n"
        "                not have; did you mean 'team'?\n"
        "      not       1, freeze: time: Monday 10:00 UTC is outside saturday, sunday"
    )
    assert "device    rule managed insists on a device; nothing lifts that" in second
    assert second.endswith("      and 1 more of 4 asks")
    assert max(map(len, ran.out.replace(failing, "t.yaml").splitlines())) <= 80


def test_coverage_names_the_rules_that_nothing_selects(sentinel: CommandLine, policy: str) -> None:
    ran = sentinel("policy", "test", policy, "--coverage")
    assert ran.status == 0
    assert ran.out.startswith("rules that no test selects:\n  1, freeze\n  3, managed\n")


def test_too_little_coverage_fails_and_says_what_is_missing(sentinel: CommandLine, policy: str) -> None:
    assert sentinel("policy", "test", policy, "--fail-under-coverage", "33").status == 0
    ran = sentinel("policy", "test", policy, "--fail-under-coverage", "34")
    assert ran.status == 1
    assert "3, managed" in ran.out


def test_json_has_every_test_and_the_coverage(sentinel: CommandLine, policy: str, failing: str) -> None:
    ran = sentinel("policy", "test", policy, failing, "--json")
    assert ran.status == 1
    assert ran.json["summary"] == {"total": 2, "failed": 2}
    assert ran.json["coverage"] == {
        "percent": 33.3,
        "rules": 3,
        "not_selected": [{"rule_index": 0, "rule": "freeze"}, {"rule_index": 2, "rule": "managed"}],
    }
    first, second = ran.json["tests"]
    assert (first["line"], first["asked"], first["failed"], second["failed"]) == (2, 1, 1, 4)
    (failure,) = first["failures"]
    assert (failure["effect"], failure["outcome"], failure["rule"]) == ("require_server",) * 2 + ("team",)
    assert failure["at"] == "2026-06-01T10:00:00+00:00"
    assert failure["trace"][0]["why_not"] == "time: Monday 10:00 UTC is outside saturday, sunday"


def test_junit_has_a_case_for_each_test(
    sentinel: CommandLine, policy: str, failing: str, tmp_path: Path
) -> None:
    junit, beside = tmp_path / "junit.xml", str(tmp_path / "prod.tests.yaml")
    assert sentinel("policy", "test", policy, beside, failing, "--junit", str(junit)).status == 1
    root = ElementTree.parse(junit).getroot()  # our own file
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    assert [suite.get("name") for suite in root] == [beside, failing]
    passed, *failed = root.iter("testcase")
    assert (passed.get("name"), list(passed)) == ("alice works on Mondays", [])
    assert [case.get("name") for case in failed] == [
        "alice may use <any> door",
        "everybody else & all others",
    ]
    assert failed[0].get("line") == "2"
    message, text = failed[0][0].get("message"), failed[0][0].text
    assert message is not None
    assert message.startswith("outcome require_server instead of allow; rule")
    assert text is not None
    assert "decided   require_server by rule 2, team" in text


def test_a_policy_from_stdin_has_no_tests_beside_it(policy: str) -> None:
    tests = policy.replace(".yaml", ".tests.yaml")
    assert CliRunner().invoke(root, ["policy", "test", "-", tests], input=POLICY).exit_code == 0
    alone = CliRunner().invoke(root, ["policy", "test", "-"], input=POLICY)
    assert isinstance(alone.exception, BadInput)
    assert alone.exception.message == "no tests for -"


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        (["/nowhere/prod.yaml"], 6, "cannot read /nowhere/prod.yaml: No such file"),
        (["{policy}", "/nowhere/t.yaml"], 6, "cannot read /nowhere/t.yaml"),
        (["{policy}", "{policy}"], 2, "unknown key `rules`"),
        (["{failing}"], 2, "unknown key `tests`"),
        (["{policy}", "--fail-under-coverage", "101"], 2, "101"),
        (["{policy}", "--junit", "/nowhere/junit.xml"], 2, "cannot write /nowhere/junit.xml"),
        ([], 2, "Missing argument 'FILE'"),
    ],
)
def test_what_cannot_be_run_says_why(
    sentinel: CommandLine, policy: str, failing: str, files: list[str], status: int, said: str
) -> None:
    ran = sentinel("policy", "test", *(word.format(policy=policy, failing=failing) for word in files))
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err


def test_no_tests_is_not_a_success(sentinel: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "lonely.yaml").write_text(POLICY)
    ran = sentinel("policy", "test", str(tmp_path / "lonely.yaml"))
    assert ran.status == 2
    assert "lonely.tests.yaml does not exist" in ran.err
    assert "sentinel policy test" in ran.err


def test_testing_asks_nobody_but_the_files(sentinel: CommandLine, policy: str) -> None:
    sentinel.set(SENTINEL_STORE="dynamodb://nowhere/at-all", SENTINEL_POLICIES="ssm://nowhere/at/all")
    assert json.loads(sentinel("policy", "test", policy, "--json").out)["passed"] is True


def test_testing_and_comparing_files_import_nothing_but_yaml(policy: str) -> None:
    program = (
        "import sys\n"
        "from cli.main import run\n"
        "assert run(['policy', *sys.argv[1:]]) == 0\n"
        "assert not {'boto3', 'botocore', 'aiohttp', 'cryptography', 'xml'} & sys.modules.keys()\n"
    )
    for words in (["test", policy], ["diff", policy, policy], ["diff", "--meaning-only", policy, policy]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
