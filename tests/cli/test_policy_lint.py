"""`sentinel policy lint`, as somebody would type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import root
from cli.policies.lint import SEVERITIES
from sentinel_server.policy.lint import Code, Severity

CLEAN = """\
version: "1"
rules:
  - {name: team, effect: allow, conditions: {users: [alice], profiles: [prod]}}
  - {name: rest, effect: deny, match: any}
"""
NOTE = CLEAN.replace("profiles: [prod]", "time: {days: [sunday]}")
WARNING = CLEAN.replace("users: [alice], ", "")
ERROR = """\
version: "1"
rules:
  - name: team
    effect: allow
    conditions: {users: [alice]}
  - name: freeze of production at the weekend for everybody
    effect: deny
    conditions: {users: [alice], profiles: [prod]}
"""
INVALID = "version: 1\nrules:\n  - {name: a, effect: alow, match: any}\n"
APPROVAL = 'version: "1"\nkind: approval\nrules:\n  - {name: a, approvers: [alice, bob]}\n'


def lint(*words: str, typed: str = "") -> Result:
    """Runs `sentinel policy lint` with these words."""
    return CliRunner().invoke(root, ["policy", "lint", *words], input=typed)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "p.yaml"


def test_a_clean_file_is_said_to_be_clean(file: Path) -> None:
    file.write_text(CLEAN)
    result = lint(str(file))
    assert result.stdout == f"{file}: nothing found\n"
    assert (result.exit_code, result.stderr) == (0, "")


def test_findings_fit_a_terminal_and_say_why_and_what_to_do() -> None:
    result = lint("-", typed=ERROR)
    assert result.exit_code == 1
    assert result.stdout == (
        "<stdin>:6:5: error P002 rule 'freeze of production at the weekend for\n"
        "  everybody': no request reaches it: the earlier rule `team` takes all that it\n"
        "  matches\n"
        "  why: The policy reads as if something were forbidden that is not, or not by\n"
        "       this rule.\n"
        "  try: move it above the rules named\n"
        "<stdin>:8:18: warning P008 rule 'freeze of production at the weekend for\n"
        "  everybody': it denies `alice`, but not the same person through another role\n"
        "  why: A bare name means an IAM user or an Identity Center session. The same\n"
        "       person who comes by another role, whose session name they choose, is not\n"
        "       denied.\n"
        "  try: deny for everyone and allow those who may above it, or block the person:\n"
        "       sentinel server-revoke --user\n"
        "<stdin>: 1 error, 1 warning\n"
    )


@pytest.mark.parametrize(
    ("text", "statuses"),
    [(CLEAN, [0, 0, 0, 0]), (NOTE, [0, 0, 1, 0]), (WARNING, [0, 1, 1, 0]), (ERROR, [1, 1, 1, 0])],
    ids=["clean", "note", "warning", "error"],
)
def test_fail_on_says_what_is_too_bad(text: str, statuses: list[int]) -> None:
    found = [lint("-", "--fail-on", each, typed=text).exit_code for each in (*SEVERITIES, "never")]
    assert found == statuses
    assert lint("-", typed=text).exit_code == statuses[0]


def test_what_is_no_policy_exits_2_and_what_cannot_be_read_6(file: Path, tmp_path: Path) -> None:
    file.write_text(INVALID)
    result = lint(str(file), "--fail-on", "never")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file}:3:23: rules[0].effect: `alow` is not one of" in result.stderr
    result = lint(str(file), str(tmp_path / "none.yaml"))
    assert result.exit_code == 6
    assert "none.yaml:1:1: cannot be read: No such file or directory" in result.stderr


def test_several_files_are_each_reported(file: Path) -> None:
    file.write_text(CLEAN)
    result = lint(str(file), "-", typed=ERROR)
    assert result.exit_code == 1
    assert result.stdout.endswith("<stdin>: 1 error, 1 warning\n")
    assert "nothing found" in result.stdout


def test_a_document_of_another_kind_is_linted_as_what_it_is() -> None:
    result = lint("-", typed=APPROVAL)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        0,
        "<stdin>:4:5: warning S001 rule 'a': whoever may approve by it may for every",
    )


@pytest.mark.parametrize("words", [["--format", "json"], ["--output", "json"], ["--json"]], ids=str)
def test_json_has_everything(words: list[str], file: Path) -> None:
    file.write_text(INVALID)
    found = json.loads(lint(*words, "-", str(file), str(file.parent), typed=ERROR).stdout)
    assert found["summary"] == {"files": 3, "error": 1, "warning": 1, "note": 0}
    first, invalid, unreadable = found["results"]
    assert (first["file"], first["kind"], first["valid"]) == ("<stdin>", "policy", True)
    assert first["findings"][0] == {
        "code": "P002",
        "name": "UnreachableDeny",
        "severity": "error",
        "line": 6,
        "column": 5,
        "path": "rules[1]",
        "rule": "freeze of production at the weekend for everybody",
        "message": "no request reaches it: the earlier rule `team` takes all that it matches",
        "why": Code.UNREACHABLE_DENY.about.why,
        "suggestion": "move it above the rules named",
    }
    assert (invalid["valid"], invalid["problems"][0]["line"]) == (False, 3)
    assert unreadable["unreadable"] == "cannot be read: Is a directory"


def test_sarif_has_every_finding_every_problem_and_every_code(file: Path, tmp_path: Path) -> None:
    file.write_text(INVALID)
    words = ["--format", "sarif", "-", str(file), str(tmp_path / "none.yaml")]
    (run,) = json.loads(lint(*words, typed=ERROR).stdout)["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["P002", "P008", "InvalidPolicy", "Unreadable"]
    known = {each["id"]: each for each in run["tool"]["driver"]["rules"]}
    assert {code.value for code in Code} <= known.keys()
    assert known["P001"]["shortDescription"] == {"text": "No request reaches the rule."}
    assert known["P001"]["defaultConfiguration"] == {"level": "warning"}
    for number, result in enumerate(run["results"]):
        assert list(known)[result["ruleIndex"]] == result["ruleId"], number
    prints = [result["partialFingerprints"]["sentinel/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_a_finding_keeps_its_fingerprint_when_a_rule_is_put_before_it() -> None:
    other = "rules:\n  - {name: new, effect: require_approval, conditions: {users: [zoe]}}\n"
    prints = [
        [
            each["partialFingerprints"]["sentinel/v1"]
            for each in json.loads(lint("-", "--format", "sarif", typed=text).stdout)["runs"][0]["results"]
        ]
        for text in (ERROR, ERROR.replace("rules:\n", other))
    ]
    assert prints[0] == prints[1]


def test_what_a_file_says_cannot_rewrite_the_terminal() -> None:
    text = ERROR.replace("name: team", 'name: "te\\u202eam"')
    assert "\u202e" not in lint("-", typed=text).output


def test_the_severities_offered_are_those_of_findings() -> None:
    assert tuple(each.value for each in Severity) == SEVERITIES


def test_a_format_that_is_none_is_wrong_usage() -> None:
    assert lint("-", "--format", "xml", typed=CLEAN).exit_code == 2


def test_the_least_severity_may_come_from_the_environment() -> None:
    words = ["policy", "lint", "-"]
    runner = CliRunner(env={"SENTINEL_LINT_FAIL_ON": "warning"})
    assert runner.invoke(root, words, input=APPROVAL).exit_code == 1
    assert runner.invoke(root, [*words, "--fail-on", "error"], input=APPROVAL).exit_code == 0
