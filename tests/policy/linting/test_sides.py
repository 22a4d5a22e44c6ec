"""What lint says of the documents beside access policies."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel_server.policy.lint import Finding, lint

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)


def found(kind: str, *rules: str, groups: str = "") -> tuple[Finding, ...]:
    """What there is to say of a document of that kind with these rules."""
    head = f'kind: {kind}\nversion: "1"\n' + (f"groups: {groups}\n" if groups else "")
    return lint(head + "rules:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules), file="p", now=NOW)


def codes(kind: str, *rules: str, groups: str = "") -> list[str]:
    """The codes alone."""
    return [each.code.value for each in found(kind, *rules, groups=groups)]


APPROVAL = "name: team, profiles: [prod], approvers: [alice]"
GLASS = (
    "name: oncall, profiles: [prod], users: [bob], allowed_reason_codes: [incident], mfa: {required: true}"
)
LIMIT = "name: calm, profiles: [prod], cooldown: 30m"


@pytest.mark.parametrize(
    ("kind", "rule"), [("approval", APPROVAL), ("breakglass", GLASS), ("ratelimit", LIMIT)]
)
def test_a_narrow_rule_has_nothing_and_a_rule_for_every_profile_has(kind: str, rule: str) -> None:
    assert codes(kind, rule) == []
    assert codes(kind, rule.replace("profiles: [prod], ", "")) == ["S005" if kind == "ratelimit" else "S001"]


@pytest.mark.parametrize(
    ("auto", "expected"),
    [
        ("users: [dave]", ["S002"]),
        ("users: ['*'], max_duration: 1h", ["S002"]),
        ("users: ['dave-*'], max_duration: 1h", []),
        ("users: [dave], time: {days: [monday], timezone: UTC}", []),
    ],
)
def test_an_approval_by_nobody_has_to_be_bounded(auto: str, expected: list[str]) -> None:
    assert codes("approval", f"{APPROVAL}, auto_approve: {{{auto}}}") == expected


def test_a_break_glass_rule_names_its_reasons_and_asks_for_a_second_factor() -> None:
    assert codes("breakglass", GLASS.replace(", allowed_reason_codes: [incident]", "")) == ["S003"]
    assert codes("breakglass", GLASS.replace(", mfa: {required: true}", "")) == ["S004"]


@pytest.mark.parametrize(("threshold", "expected"), [(3, []), (4, ["S006"])])
def test_an_escalation_comes_before_the_limit(threshold: int, expected: list[str]) -> None:
    rule = f"{LIMIT}, max_per_user: 3, quota_window: 24h, escalation_threshold: {threshold}"
    assert codes("ratelimit", rule) == expected


def test_a_rule_behind_one_that_takes_its_profiles_is_never_used() -> None:
    wide = LIMIT.replace("[prod]", "['p*', dev]")
    behind = LIMIT.replace("calm", "never")
    (finding,) = found("ratelimit", wide, behind)
    assert (finding.code.value, finding.rule, finding.path) == ("P001", "never", "rules[1]")
    assert codes("ratelimit", behind.replace("prod", "staging"), wide) == []


def test_whose_request_it_is_tells_approval_rules_apart_and_whose_emergency_does_not() -> None:
    first, second = (
        f"name: {who}, profiles: [prod], requesters: [{who}], approvers: [alice]" for who in "ab"
    )
    assert codes("approval", first, second) == []
    assert codes("approval", first, second.replace("[b]", "[a]")) == ["P001"]
    other = GLASS.replace("oncall", "others").replace("[bob]", "[carol]")
    assert codes("breakglass", GLASS, other) == ["P001"], "the first rule of a profile decides, whoever asks"


def test_people_groups_and_windows_are_looked_at_wherever_they_stand() -> None:
    role = "'arn:aws:iam::111122223333:role/Deploy'"
    window = "time: {days: [monday], not_after: 2020-01-01}, max_duration: 1h"
    rule = f"{APPROVAL.replace('[alice]', f'[alice, {role}]')}, requesters: [{role}]"
    text = f"{rule}, auto_approve: {{users: [{role}], {window}}}"
    seen = [(each.code.value, each.path) for each in found("approval", text, groups="{idle: [zoe]}")]
    assert sorted(seen) == [
        ("P007", "rules[0].auto_approve.time"),
        ("P010", "groups.idle"),
        ("P011", "rules[0].auto_approve.time.not_after"),
        ("P014", "rules[0].approvers[1]"),
        ("P014", "rules[0].auto_approve.users[0]"),
        ("P014", "rules[0].requesters[0]"),
    ]
    closed = (
        f"{GLASS}, time: {{days: [monday], not_before: 2026-06-02, not_after: 2026-06-02, timezone: UTC}}"
    )
    assert codes("breakglass", closed) == ["P004"]
    assert codes("breakglass", GLASS.replace("[bob]", "['group:g']"), groups="{g: [bob]}") == []


def test_the_initial_policies_of_a_bootstrap_are_linted_where_they_stand() -> None:
    text = (
        "kind: bootstrap\nversion: 1\npolicy_root: /p\nprofiles:\n"
        "  - name: a\n  - name: b\n    initial_policy: |\n"
        '      version: "1"\n      rules:\n        - {name: all, effect: allow, match: any}\n'
    )
    (finding,) = lint(text, file="p", now=NOW)
    assert (finding.code.value, finding.line, finding.path) == ("P006", 7, "profiles[1].initial_policy")
    assert finding.message == "line 3 of it: it allows whoever asks"
