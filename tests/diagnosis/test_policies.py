"""What a policy means for whoever asks: believed, linted, and which doors it opens now."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from sentinel_server.diagnosis.model import Finding, Topic, Verdict
from sentinel_server.diagnosis.policies import policy_findings
from sentinel_server.identity.arn import parse_principal
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import LoadedPolicy, Origin
from tests.fakes.clock import NOON

DEV = parse_principal("arn:aws:iam::111122223333:user/dev", unique_id="AIDAEXAMPLE")

RULE = """\
version: "1"
rules:
  - name: team
    effect: {effect}
    conditions: {{profiles: [prod], users: [dev]{more}}}
"""


def loaded(text: str) -> LoadedPolicy:
    """A policy from a file."""
    return LoadedPolicy(
        name="/h/policies/prod.yaml",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        origin=Origin.FILE,
        policy=parse_policy(text, file="prod.yaml"),
    )


def found(text: str, *, unstamped: bool = False) -> list[Finding]:
    """What is said of this policy to dev."""
    return policy_findings(loaded(text), "prod", DEV, NOON, unstamped=unstamped)


def last(effect: str, more: str = "", *, unstamped: bool = False) -> Finding:
    """What is said of the doors of a policy with one rule."""
    return found(RULE.format(effect=effect, more=more), unstamped=unstamped)[-1]


def test_a_policy_that_lets_one_in_says_by_which_doors() -> None:
    first, doors = found(RULE.format(effect="allow", more=""))
    assert first.what == "/h/policies/prod.yaml: 1 rule, signatures are not asked for"
    assert (doors.verdict, doors.what) == (
        Verdict.OK,
        "it lets dev in now, by: server, cli, credential_process",
    )
    assert last("require_server").what == "it lets dev in now, by: server"
    assert last("allow", ", mode: [cli]").what == "it lets dev in now, by: cli"


def test_a_policy_that_needs_somebody_else_says_so() -> None:
    assert last("require_approval").what == "it lets dev in when somebody else agrees"


@pytest.mark.parametrize(
    "text",
    [
        RULE.format(effect="deny", more=""),
        RULE.format(effect="allow", more="").replace("[dev]", "[eve]"),
        RULE.format(effect="allow", more="").replace("[prod]", "[other]"),
    ],
)
def test_a_policy_that_lets_nobody_in_is_warned_of_with_the_command_that_explains(text: str) -> None:
    finding = found(text)[-1]
    assert (finding.verdict, finding.what) == (Verdict.WARNING, "it does not let dev in now")
    assert finding.mend == "sentinel policy explain --profile prod"


def test_a_profile_that_cannot_be_stamped_needs_a_rule_that_says_so() -> None:
    assert last("allow", unstamped=True).verdict is Verdict.PROBLEM
    willing = RULE.format(effect="allow", more="") + "    allow_unstamped: true\n"
    assert found(willing, unstamped=True)[-1].verdict is Verdict.OK


def test_who_signed_it_and_which_version_it_is_are_told() -> None:
    signed = replace(loaded(RULE.format(effect="allow", more="")), version="7", signer="key-1")
    first, *_ = policy_findings(signed, "prod", DEV, NOON, unstamped=False)
    assert first.what == "/h/policies/prod.yaml, version 7: 1 rule, signed by key-1"


def test_what_lint_says_is_told_with_its_code_and_the_rest_is_counted() -> None:
    rules = "".join(
        f"  - {{name: r{each}, effect: deny, conditions: {{profiles: [prod]}}}}\n" for each in range(6)
    )
    findings = found(f'version: "1"\nrules:\n{rules}')[1:-1]
    assert {finding.topic for finding in findings} == {Topic.POLICY}
    assert len(findings) == 4
    assert findings[0].what.startswith("P0")
    assert findings[0].mend == "sentinel policy lint /h/policies/prod.yaml"
    assert "more" in findings[-1].what


def test_a_policy_from_ssm_is_linted_from_what_is_pulled() -> None:
    stored = replace(
        loaded('version: "1"\nrules:\n  - {name: all, effect: allow, match: any}\n'), origin=Origin.SSM
    )
    findings = policy_findings(stored, "prod", None, NOON, unstamped=False)
    assert {finding.mend for finding in findings[1:]} == {
        "sentinel policy pull prod | sentinel policy lint -"
    }


def test_without_knowing_who_asks_no_door_is_judged() -> None:
    findings = policy_findings(
        loaded(RULE.format(effect="allow", more="")), "prod", None, NOON, unstamped=True
    )
    assert len(findings) == 1
