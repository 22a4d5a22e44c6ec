"""Strict reading: what a policy may say, and the problem each other text is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel_server.errors import InvalidPolicy, Problem
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import (
    STRICT,
    Conditions,
    Day,
    DeviceCondition,
    Effect,
    Hours,
    Lease,
    Mode,
    Override,
    Rule,
    TimeWindow,
)

WHOLE = """\
version: "1"
kind: policy
trusted_accounts: [012345678901]
rules:
  - name: office hours
    effect: deny
    reason: >
      only in
      office hours
    override: approval
    conditions:
      profiles: [prod, "prod-*"]
      users: [alice, no]
      mode: [server, tvm]
      time:
        days: [monday, friday]
        hours: {start: 09:00, end: 17:30}
        timezone: Europe/Berlin
      device: {require_mdm: true, min_os_version: 14.2, allowed_os_types: [darwin], max_posture_age: 1d}
    max_duration: 1h30m
    max_server_duration: 15m0s
    max_lease: strict
    enforce_lease: true
    session_table: sentinel-sessions
    allow_unstamped: true
"""


def rule_with(line: str) -> str:
    """A policy of one rule that always matches, with one more line in it."""
    return f"version: 1\nrules:\n  - name: a\n    effect: allow\n    match: any\n    {line}\n"


def when(condition: str) -> str:
    """A policy of one rule with one condition."""
    return f"version: 1\nrules:\n  - name: a\n    effect: allow\n    conditions: {{{condition}}}\n"


def problems(text: str | bytes) -> tuple[Problem, ...]:
    """The problems of a text that is not a policy."""
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text, file="p.yaml")
    assert caught.value.problems
    return caught.value.problems


def problem(text: str | bytes) -> str:
    """The one problem of a text that is not a policy."""
    (only,) = problems(text)
    return str(only)


def test_a_policy_with_every_key_is_read() -> None:
    policy = parse_policy(WHOLE, file="p.yaml")
    assert policy.trusted_accounts == ("012345678901",)
    assert policy.rules == (
        Rule(
            name="office hours",
            effect=Effect.DENY,
            reason="only in office hours",
            override=Override.APPROVAL,
            conditions=Conditions(
                profiles=("prod", "prod-*"),
                users=("alice", "no"),
                modes=(Mode.SERVER, Mode.TVM),
                time=TimeWindow(
                    days=(Day.MONDAY, Day.FRIDAY),
                    hours=Hours(start=540, end=1050),
                    timezone="Europe/Berlin",
                ),
                device=DeviceCondition(
                    require_mdm=True,
                    min_os_version="14.2",
                    allowed_os_types=("darwin",),
                    max_posture_age=timedelta(days=1),
                ),
            ),
            max_duration=timedelta(minutes=90),
            max_server_duration=timedelta(minutes=15),
            max_lease=STRICT,
            enforce_lease=True,
            session_table="sentinel-sessions",
            allow_unstamped=True,
        ),
    )


def test_every_problem_is_reported_with_its_place_and_a_way_out() -> None:
    text = (
        rule_with("max_duration: 900").replace("allow", "Allow").replace("match", "condtions: {}\n    match")
    )
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text, file="p.yaml")
    assert caught.value.message.splitlines() == [
        "3 problems in p.yaml",
        "p.yaml:4:13: rules[0].effect: `Allow` is not one of allow, deny, require_approval, require_server, "
        "require_server_session; did you mean `allow`?",
        "p.yaml:5:5: rules[0]: unknown key `condtions`; did you mean `conditions`?",
        "p.yaml:7:19: rules[0].max_duration: `900`: a duration needs a unit; did you mean `900s`?",
    ]


@pytest.mark.parametrize("version", ["1", '"1"', "'1'"])
def test_version_1_is_accepted_as_number_or_text(version: str) -> None:
    assert (
        parse_policy(rule_with("reason: x").replace("version: 1", f"version: {version}"), file="p").version
        == "1"
    )


@pytest.mark.parametrize("version", ["2", "99", "1.0", "01"])
def test_any_other_version_is_refused(version: str) -> None:
    text = rule_with("reason: x").replace("version: 1", f"version: {version}")
    assert f"`{version}` is not a version of policies" in problem(text)


def test_a_policy_without_rules_or_version_is_refused() -> None:
    assert [p.message for p in problems("kind: policy")] == ["`version` is missing", "`rules` is missing"]
    assert "rules: is an empty list; a policy has at least one rule" in problem("version: 1\nrules: []\n")
    assert "rules: is empty where a list is expected" in problem("version: 1\nrules:\n")
    assert "rules[0]: is text where a mapping is expected" in problem("version: 1\nrules: [a]\n")


def test_another_kind_of_document_is_said_to_be_one() -> None:
    assert "`breakglass` is not an access policy" in problem("kind: breakglass\n" + rule_with("reason: x"))


def test_two_rules_of_one_name_are_refused() -> None:
    text = rule_with("reason: x") + "  - {name: a, effect: deny, match: any}\n"
    assert problem(text).startswith("p.yaml:7:5: rules[1]: another rule is named `a`, rules[0]")


def test_a_rule_that_always_matches_says_so() -> None:
    policy = parse_policy(rule_with("reason: x"), file="p")
    assert policy.rules[0].conditions == Conditions()


@pytest.mark.parametrize(
    "condition", ["profiles: [a]", "users: [a]", "mode: [cli]", "device: {require_mdm: true}"]
)
def test_any_one_condition_is_enough(condition: str) -> None:
    assert parse_policy(when(condition), file="p").rules[0].conditions != Conditions()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (when(""), "conditions: is empty; for a rule that always matches, write `match: any` instead"),
        (
            "version: 1\nrules: [{name: a, effect: deny}]",
            "has no `conditions`; for a rule that always matches",
        ),
        (
            when("profiles: [a]") + "    match: any\n",
            "match: stands beside `conditions`; keep one of the two",
        ),
        (rule_with("reason: x").replace("any", "all"), "`all` is not `any`"),
        (when("profiles: []"), "conditions.profiles: is an empty list; leave the key out"),
        (when("users: ['']"), "conditions.users[0]: is empty"),
        (when("users: [a, a]"), "conditions.users[1]: is listed twice; delete one"),
        (when("users: alice"), "conditions.users: is text where a list is expected; write it as `[alice]`"),
        (when("users: [[a]]"), "users[0]: is a list where text is expected"),
        (when("mode: [web]"), "mode[0]: `web` is not one of server, cli, credential_process, tvm"),
        (when("time: {}"), "time: says neither `days` nor `hours` nor a date, so it is always true"),
        (when("time: {timezone: UTC}"), "says neither `days` nor `hours` nor a date, so it is always true"),
        (when("time: {days: [Monday]}"), "did you mean `monday`?"),
        (when("time: [monday]"), "time: is a list where a mapping is expected"),
        (when("device: {}"), "conditions.device: asks nothing of the device"),
        (when("device: {require_mdm: false}"), "conditions.device: asks nothing of the device"),
        (when("device: {require_mdmm: true}"), "unknown key `require_mdmm`; did you mean `require_mdm`?"),
        (when("device: {min_os_version: new}"), "`new` is not a version"),
        (when("device: {allowed_os_types: [Darwin]}"), "did you mean `darwin`?"),
        (when("device: {require_mdm: true, override: approval}"), "write emergency or none"),
    ],
)
def test_a_condition_that_would_match_by_accident_is_refused(text: str, said: str) -> None:
    assert said in problem(text)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("users: [a]", "rules[0]: unknown key `users`; it belongs under `conditions`"),
        ("hours: {}", "unknown key `hours`; it belongs under `conditions`, `time`"),
        ("approvers: [a]", "unknown key `approvers`; known here: name, effect"),
        ('"\\e[31m": x', "unknown key `\\x1b[31m`"),
    ],
)
def test_a_misplaced_or_unknown_key_is_sent_where_it_belongs(key: str, said: str) -> None:
    assert said in problem(rule_with(key))


@pytest.mark.parametrize(
    "hours", ["{start: 09:00, end: 24:00}", "{start: 22:00, end: 06:00}", "{start: '00:00', end: '00:01'}"]
)
def test_hours_may_cross_midnight_and_end_with_the_day(hours: str) -> None:
    window = parse_policy(when(f"time: {{hours: {hours}}}"), file="p").rules[0].conditions.time
    assert window is not None
    assert window.hours is not None


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ("{start: 9:00, end: 17:00}", "start: `9:00` is not a time of day; write HH:MM, from 00:00 to 23:59"),
        ("{start: 24:00, end: 17:00}", "start: `24:00` is not a time of day"),
        ("{start: 09:00, end: 24:01}", "end: `24:01` is not a time of day; write HH:MM, from 00:00 to 24:00"),
        ("{start: 09:00, end: 17:60}", "end: `17:60`"),
        ("{start: 09:00, end: 17:00:00}", "end: `17:00:00`"),
        ("{start: 09:00, end: 1٣:00}", "end: `1٣:00`"),
        ("{start: 09:00, end: 09:00}", "hours: starts when it ends"),
        ("{start: 09:00}", "hours: `end` is missing"),
    ],
)
def test_hours_that_mean_nothing_are_refused(hours: str, said: str) -> None:
    assert said in problem(when(f"time: {{hours: {hours}}}"))


@pytest.mark.parametrize(
    "zone", ["Local", "localtime", "europe/berlin", "/etc/localtime", "../UTC", "right/UTC", "Factory"]
)
def test_a_timezone_is_an_iana_name_or_refused(zone: str) -> None:
    assert f"timezone: unknown timezone `{zone}`" in problem(
        when(f"time: {{days: [monday], timezone: {zone}}}")
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("1m", 60), ("15m0s", 900), ("1h30m", 5400), ("1.5h", 5400), ("0.5d", 43200)],
)
def test_durations_have_units(text: str, seconds: int) -> None:
    rule = parse_policy(rule_with(f"max_duration: {text}"), file="p").rules[0]
    assert rule.max_duration == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("900", "did you mean `900s`?"),
        ("-1h", "must be positive"),
        ("0s", "must be more than zero"),
        ("59s", "59s is not from 1m to 12h"),
        ("12h1s", "is not from 1m to 12h"),
        ("1d", "is not from 1m to 12h"),
        ("1500ms", "whole seconds"),
        ("61.5s", "whole seconds"),
        ("PT15M", "not a duration; write it as `15m`"),
        ("999999999d999999999d", "more than a lifetime"),
        ("[1h]", "is a list where text is expected"),
    ],
)
def test_a_duration_out_of_bounds_or_without_sense_is_refused(text: str, said: str) -> None:
    assert said in problem(rule_with(f"max_duration: {text}"))


def test_a_lease_is_a_name_or_a_duration() -> None:
    def read(text: str) -> Lease | None:
        return parse_policy(rule_with(f"max_lease: {text}"), file="p").rules[0].max_lease

    assert [read(text) for text in ("strict", "90s", "11m")] == [
        STRICT,
        Lease(seconds=90),
        Lease(seconds=660),
    ]
    assert "`short` is not a lease; write standard, strict, full" in problem(rule_with("max_lease: short"))
    assert "59s is not from 1m to 12h" in problem(rule_with("max_lease: 59s"))


def test_an_override_belongs_to_a_denial() -> None:
    assert "this rule does not deny; leave it out" in problem(rule_with("override: none"))


def test_users_are_bare_names_or_arn_patterns() -> None:
    arn = "arn:aws:sts::111122223333:assumed-role/Deploy/*"
    assert (
        parse_policy(when(f"users: ['{arn}', '*@example.com']"), file="p").rules[0].conditions.users[0] == arn
    )
    assert "`user/alice` is not a user name; name other principals by ARN" in problem(
        when("users: [user/alice]")
    )
    assert "`arn:*` is not an ARN pattern; it has six fields" in problem(when("users: ['arn:*']"))


def test_a_value_of_the_wrong_shape_is_refused_where_it_stands() -> None:
    assert "reason: is a mapping where text is expected" in problem(rule_with("reason: {a: b}"))
    assert "reason: is empty; say something" in problem(rule_with("reason:"))
    assert "enforce_lease: a list is neither true nor false" in problem(rule_with("enforce_lease: [true]"))
    assert "max_lease: is a list where text is expected" in problem(rule_with("max_lease: [1h]"))
    assert "reason: holds a control or invisible character" in problem(rule_with(r'reason: "\e[2J"'))
    shapes = problems(when("time: {days: [[a]], hours: {start: [1], end: {}}, timezone: []}"))
    assert len(shapes) == 4


def test_accounts_and_tables_have_their_forms() -> None:
    assert "`12345` is not an account id" in problem("trusted_accounts: [12345]\n" + rule_with("reason: x"))
    assert "neither a DynamoDB table name nor a table's ARN" in problem(rule_with("session_table: a table"))
    arn = "arn:aws:dynamodb:eu-central-1:012345678901:table/sessions"
    assert parse_policy(rule_with(f"session_table: {arn}"), file="p").rules[0].session_table == arn


def test_overlong_names_and_reasons_are_refused() -> None:
    assert "is longer than 128" in problem(rule_with("reason: x").replace("name: a", f"name: {'a' * 129}"))
    assert "is longer than 500" in problem(rule_with(f"reason: {'a' * 501}"))
    assert "is longer than 256" in problem(when(f"profiles: [{'a' * 257}]"))


def test_a_space_around_a_name_is_refused() -> None:
    assert "starts or ends with a space" in problem(when("profiles: ['prod ']"))
