"""Every code: a policy that has it, at its line and column, and the nearest one that has not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy.lint import Code, Finding, Severity, lint, lint_policy
from sentinel_server.policy.parse import parse_policy

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
HEADER = 'version: "1"\ntrusted_accounts: [111122223333]\n'


def found(text: str) -> tuple[Finding, ...]:
    """What lint says of a policy with these rules, and perhaps groups before them."""
    body = text if text.startswith("groups:") else f"rules:\n{text}"
    return lint(HEADER + body, file="p.yaml", now=NOW)


def codes(text: str) -> list[str]:
    """The codes alone, in the order of the text."""
    return [finding.code.value for finding in found(text)]


def rule(name: str, effect: str, conditions: str, *more: str) -> str:
    """One rule in the order in which authors write them."""
    return "".join(
        f"{line}\n"
        for line in (
            f"  - name: {name}",
            f"    effect: {effect}",
            f"    conditions: {{{conditions}}}",
            *(f"    {each}" for each in more),
        )
    )


ALICE = rule("alice", "allow", "users: [alice]")


def test_a_good_policy_has_nothing() -> None:
    assert found(ALICE + rule("rest", "deny", "profiles: ['*']")) == ()


def test_a_finding_says_where_what_why_and_what_to_do() -> None:
    (finding,) = found(ALICE + rule("again", "require_approval", "users: [alice], profiles: [prod]"))
    assert (finding.code, finding.severity) == (Code.UNREACHABLE, Severity.WARNING)
    assert (finding.line, finding.column, finding.path) == (7, 5, "rules[1]")
    assert finding.rule == "again"
    assert finding.message == "no request reaches it: the earlier rule `alice` takes all that it matches"
    assert finding.why.startswith("The first rule that matches decides")
    assert finding.suggestion.startswith("move it up")


def test_a_denial_that_nothing_reaches_is_an_error() -> None:
    (finding,) = found(ALICE + rule("no", "deny", "users: ['arn:aws:iam::111122223333:user/alice']"))
    assert (finding.code, finding.severity) == (Code.UNREACHABLE_DENY, Severity.ERROR)


def test_rules_that_only_cover_it_together_are_all_named() -> None:
    text = (
        rule("early", "allow", "users: [a], time: {hours: {start: 00:00, end: 12:00}, timezone: UTC}")
        + rule(
            "spare",
            "allow",
            "users: [a], time: {hours: {start: 01:00, end: 02:00}, timezone: UTC}, mode: [cli]",
        )
        + rule("late", "allow", "users: [a], time: {hours: {start: 12:00, end: 24:00}, timezone: UTC}")
        + rule("never", "allow", "users: [a], profiles: [prod]")
    )
    spare, never = found(text)
    assert spare.message.endswith("the earlier rule `early` takes all that it matches")
    assert never.message.endswith("the earlier rules `early` and `late` together take all that it matches")


def test_conditions_that_contradict_each_other_are_said_to() -> None:
    (finding,) = found(rule("odd", "allow", "users: [alice], not_users: ['a*']"))
    assert finding.message == "its own conditions contradict each other, so it never matches"


def test_identical_rules_are_found_whatever_the_order_of_their_lists() -> None:
    text = (
        "groups: {g: [alice, bob]}\nrules:\n"
        + rule("one", "allow", "users: [bob, alice], profiles: [p, q]")
        + rule("two", "allow", "users: ['group:g'], profiles: [q, p]", "max_duration: 15m")
    )
    (finding,) = found(text)
    assert finding.code is Code.IDENTICAL
    assert "`one`" in finding.message


@pytest.mark.parametrize(
    "time",
    [
        "{days: [monday], not_before: 2026-06-02, not_after: 2026-06-05, timezone: UTC}",
        "{hours: {start: 02:00, end: 03:00}, not_before: 2027-03-28, not_after: 2027-03-28, "
        "timezone: Europe/Berlin}",
    ],
)
def test_a_window_that_no_instant_satisfies_is_an_error(time: str) -> None:
    (finding,) = found(rule("w", "deny", f"profiles: [p], time: {time}"))
    assert (finding.code, finding.severity) == (Code.NEVER_OPEN, Severity.ERROR)
    assert finding.path == "rules[0].conditions.time"


def test_a_window_that_opens_once_is_none() -> None:
    time = "{days: [friday], not_before: 2026-06-02, not_after: 2026-06-05, timezone: UTC}"
    assert codes(rule("w", "deny", f"profiles: [p], time: {time}")) == []


def test_dates_that_are_over_are_noted_and_nothing_else_is_said_of_reach() -> None:
    (finding,) = found(rule("w", "deny", "profiles: [p], time: {not_after: 2026-05-31, timezone: UTC}"))
    assert (finding.code, finding.severity) == (Code.PAST, Severity.NOTE)
    assert finding.message == "its dates ended on 2026-06-01 00:00 UTC"
    assert finding.path == "rules[0].conditions.time.not_after"
    assert codes(rule("w", "deny", "profiles: [p], time: {not_after: 2026-06-01, timezone: UTC}")) == []


def test_a_denial_of_which_a_part_is_allowed_before_is_shown_a_request() -> None:
    text = ALICE + rule("weekend", "deny", "profiles: [prod], time: {days: [saturday], timezone: UTC}")
    (finding,) = found(text)
    assert finding.code is Code.DENY_TOO_LATE
    assert finding.rule == "weekend"
    assert finding.message == (
        "the earlier rule `alice` allows part of it: alice (IAM user) for prod by server on "
        "Saturday 2026-06-06 00:00 UTC"
    )


@pytest.mark.parametrize("effect", ["require_server", "require_server_session"])
def test_rules_for_the_server_allow_too(effect: str) -> None:
    text = rule("alice", effect, "users: [alice]") + rule("no", "deny", "profiles: [prod]")
    assert codes(text) == ["P005"]


def test_an_exception_to_a_denial_is_no_mistake() -> None:
    text = rule("alice", "allow", "users: [alice], profiles: [prod]") + rule("no", "deny", "profiles: [prod]")
    assert codes(text) == []


def test_an_approval_before_a_denial_is_no_mistake() -> None:
    text = rule("ask", "require_approval", "users: [alice]") + rule("no", "deny", "profiles: [prod]")
    assert codes(text) == []


def test_an_allowance_that_never_gets_there_is_not_held_against_a_denial() -> None:
    text = (
        rule("ask", "require_approval", "profiles: [prod]")
        + rule("alice", "allow", "users: [alice]")
        + rule("no", "deny", "profiles: [prod, dev], mode: [cli]")
    )
    (finding,) = found(text)
    assert "for dev by cli" in finding.message


@pytest.mark.parametrize(
    "conditions", ["profiles: [prod]", "not_users: [eve]", "device: {require_mdm: true}"]
)
def test_an_allowance_without_users_is_for_everyone(conditions: str) -> None:
    assert codes(rule("open", "allow", conditions)) == ["P006"]
    assert codes(rule("ask", "require_approval", conditions)) == []


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("{days: [monday]}", ["P007"]),
        ("{not_after: 2027-01-01}", ["P007"]),
        ("{not_after: 2027-01-01T00:00Z}", []),
        ("{days: [monday], timezone: UTC}", []),
    ],
)
def test_a_window_without_a_zone_is_noted_where_it_matters(time: str, expected: list[str]) -> None:
    assert codes(rule("w", "deny", f"profiles: [p], time: {time}")) == expected


def test_a_bare_name_in_a_denial_does_not_hold_the_person() -> None:
    (finding,) = found(rule("no", "deny", "users: ['arn:aws:iam::*:user/x', eve, mallory]"))
    assert finding.code is Code.BARE_NAME_DENIED
    assert finding.message == "it denies `eve` and 1 more, but not the same person through another role"
    assert (finding.line, finding.column) == (6, 18)
    assert codes(rule("no", "deny", "users: ['arn:aws:iam::*:user/eve']")) == []
    assert codes("groups: {g: [eve]}\nrules:\n" + rule("no", "deny", "users: ['group:g']")) == ["P008"]


@pytest.mark.parametrize(
    ("lease", "expected"),
    [
        ("5m", []),
        ("301s", ["P009"]),
        ("7m", ["P009"]),
        ("10m", ["P009"]),
        ("601s", []),
        ("4m", []),
        ("strict", []),
        ("full", []),
    ],
)
def test_leases_between_five_and_ten_minutes_are_awkward(lease: str, expected: list[str]) -> None:
    assert codes(rule("l", "allow", "users: [alice]", f"max_lease: {lease}")) == expected


def test_a_group_that_nobody_uses_is_found_at_its_name() -> None:
    text = "groups:\n  used: [alice]\n  idle: [bob]\nrules:\n" + rule("r", "allow", "users: ['group:used']")
    (finding,) = found(text)
    assert (finding.code, finding.line, finding.column) == (Code.UNUSED_GROUP, 5, 3)
    assert (
        codes(
            text.replace("users: ['group:used']", "users: ['group:used', carol], not_users: ['group:idle']")
        )
        == []
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["enforce_lease: true"], ["P012"]),
        (["enforce_lease: true", "max_lease: full"], ["P012"]),
        (["enforce_lease: true", "max_lease: standard"], []),
        (["enforce_lease: false"], []),
    ],
)
def test_a_lease_is_enforced_only_if_there_is_one(settings: list[str], expected: list[str]) -> None:
    assert codes(rule("l", "allow", "users: [alice]", *settings)) == expected


def test_what_a_denial_cannot_grant_has_no_effect() -> None:
    text = rule(
        "no", "deny", "profiles: [p]", "max_duration: 1h", "enforce_lease: true", "allow_unstamped: true"
    )
    assert codes(text) == ["P013", "P013", "P013"]
    assert found(text)[0].path == "rules[0].max_duration"


def test_a_limit_for_server_mode_has_no_effect_on_other_modes() -> None:
    assert codes(rule("c", "allow", "users: [alice], mode: [cli]", "max_server_duration: 1h")) == ["P013"]
    assert codes(rule("c", "allow", "users: [alice], mode: [cli, server]", "max_server_duration: 1h")) == []


@pytest.mark.parametrize(
    ("arn", "advice"),
    [
        ("arn:aws:iam::111122223333:role/ops/Deploy", "arn:aws:sts::111122223333:assumed-role/Deploy/*"),
        ("arn:aws:iam::1111:user/alice", "sentinel whoami"),
        ("arn:aws:sts::111122223333:assumed-role/ops/Deploy/x", "sentinel whoami"),
        ("arn:aws:sts::111122223333:*", "sentinel whoami"),
        ("arn:aws:iam:eu-central-1:111122223333:user/alice", "sentinel whoami"),
        ("arn:aws:iam::a/b:user/alice", "sentinel whoami"),
        ("arn:tld:iam::111122223333:user/alice", "sentinel whoami"),
    ],
)
@pytest.mark.parametrize("key", ["users", "not_users"])
def test_an_arn_that_nobody_can_have_is_an_error(arn: str, advice: str, key: str) -> None:
    (finding,) = found(rule("r", "require_approval", f"{key}: [alice, '{arn}']"))
    assert (finding.code, finding.severity) == (Code.NAMES_NOBODY, Severity.ERROR)
    assert finding.path == f"rules[0].conditions.{key}[1]"
    assert advice in finding.suggestion


def test_a_rule_that_only_names_nobody_is_not_said_to_be_shadowed_too() -> None:
    assert codes(rule("r", "deny", "users: ['arn:aws:iam::111122223333:role/x']")) == ["P014"]
    group = "groups: {g: ['arn:aws:iam::111122223333:role/x']}\nrules:\n"
    assert codes(group + rule("r", "deny", "users: ['group:g']")) == ["P014"]


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::*:root",
        "arn:*:iam::111122223333:user/a/b/*",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_*/alice",
        "arn:aws:sts::1111222233??:federated-user/x",
        "arn:aws:*::111122223333:*/*/*",
    ],
)
def test_an_arn_that_somebody_can_have_is_none(arn: str) -> None:
    assert codes(rule("r", "require_approval", f"users: ['{arn}']")) == []


TANGLE = ", ".join(f"'*{chr(97 + n)}*{chr(97 + n)}*'" for n in range(20))


def test_what_takes_too_long_is_said_to_be_undecided_and_never_reported() -> None:
    text = (
        rule("some", "allow", f"users: [alice], profiles: [{TANGLE}]")
        + rule("others", "allow", f"users: [alice], not_profiles: [{TANGLE}]")
        + rule("rest", "allow", "users: [alice]")
    )
    (finding,) = found(text)
    assert (finding.code, finding.rule, finding.severity) == (Code.UNDECIDED, "rest", Severity.NOTE)


def test_a_request_that_is_found_early_decides_whatever_there_was_left_to_try() -> None:
    text = rule("others", "allow", f"users: [alice], not_profiles: [{TANGLE}]")
    assert codes(text + rule("rest", "allow", "users: [alice]")) == []


def test_a_denial_whose_exceptions_cannot_be_told_is_undecided_unless_one_is_found() -> None:
    tangled = rule("some", "allow", f"users: [alice], profiles: [{TANGLE}]")
    rest = rule("rest", "allow", f"users: [alice], not_profiles: [{TANGLE}], mode: [cli]")
    denial = rule("no", "deny", f"profiles: [{TANGLE}], mode: [cli]")
    messages = [each.message for each in found(tangled + rest + denial)]
    assert any(each.startswith("the earlier rule `some` allows part of it: alice") for each in messages)
    (undecided,) = (each for each in found(rest + denial) if each.rule == "no")
    assert undecided.code is Code.UNDECIDED
    assert undecided.message == "whether an earlier rule allows a part of it was not decided"


def test_more_pairs_than_are_tried_are_said_not_to_be_decided() -> None:
    allowing = [
        f"{{name: a{n}, effect: allow, conditions: {{users: [a{n}], profiles: [p]}}}}" for n in range(150)
    ]
    denying = [f"{{name: d{n}, effect: deny, conditions: {{profiles: [q{n}]}}}}" for n in range(150)]
    text = "".join(f"  - {each}\n" for each in (*allowing, *denying))
    undecided = [each for each in found(text) if each.code is Code.UNDECIDED]
    assert [each.rule for each in undecided] == [f"d{n}" for n in range(133, 150)]


def test_many_covering_rules_are_counted_and_not_all_named() -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    text = "".join(rule(day, "allow", f"users: [a], time: {{days: [{day}], timezone: UTC}}") for day in days)
    (finding,) = found(text + rule("never", "allow", "users: [a]"))
    assert finding.message.endswith(
        "the earlier rules `monday`, `tuesday`, `wednesday`, `thursday`, `friday` and 2 more together take "
        "all that it matches"
    )


def test_severities_have_an_order() -> None:
    assert sorted(Severity, key=lambda each: each.rank) == [Severity.NOTE, Severity.WARNING, Severity.ERROR]


def test_findings_come_in_the_order_of_the_text() -> None:
    text = rule("a", "allow", "profiles: [p]", "max_lease: 7m") + rule(
        "b", "deny", "users: [eve]", "max_duration: 1h"
    )
    assert [finding.line for finding in found(text)] == sorted(finding.line for finding in found(text))


def test_a_policy_without_its_text_is_linted_too() -> None:
    policy = parse_policy(HEADER + "rules:\n" + ALICE + rule("no", "deny", "users: [alice]"), file="p.yaml")
    assert [(each.line, each.code.value) for each in lint_policy(policy, now=NOW)] == [
        (1, "P002"),
        (1, "P008"),
    ]


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(InvalidPolicy):
        lint("rules: []", file="p.yaml", now=NOW)
