"""What a rule is not about, groups of users, and windows that begin and end on a day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from sentinel_server.policy.explain import explain
from sentinel_server.policy.match import span
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Group, Policy, TimeWindow, expand
from tests.fakes.credentials import ALICE, BOB
from tests.policy.test_evaluate import DEPLOY, ask, matches, rule, why_not
from tests.policy.test_parse import problem, when

GROUPS = "groups: {oncall: [alice, 'arn:aws:sts::*:assumed-role/Deploy/*'], no: ['*@example.com']}\n"


def grouped(condition: str) -> Policy:
    """A policy of one rule with that condition, and two groups."""
    return parse_policy(GROUPS + when(condition), file="p")


def decides(policy: Policy, *principals: object) -> list[bool]:
    """Whether the one rule matches, for each of them."""
    groups = policy.groups
    return [
        matches(policy.rules[0], ask(principal), groups=groups)  # type: ignore[arg-type]
        for principal in principals
    ]


def test_an_exclusion_holds_for_everybody_and_everything_else() -> None:
    assert matches(rule(not_users=("carol",)), ask())
    assert not matches(rule(not_users=("carol", "al*")), ask())
    assert matches(rule(not_profiles=("dev",)), ask())
    assert not matches(rule(not_profiles=("pr*",)), ask())
    assert not matches(rule(users=("*",), not_users=("alice",)), ask())
    assert matches(rule(users=("*",), not_users=("alice",)), ask(BOB))


def test_an_exclusion_by_name_excludes_nobody_who_cannot_be_meant_by_it() -> None:
    assert matches(rule(not_users=("alice",)), ask(DEPLOY))
    assert matches(rule(not_users=("alice",)), ask(home_account="999999999999"))
    assert not matches(rule(not_users=("arn:aws:sts::*:assumed-role/Deploy/*",)), ask(DEPLOY))


def test_an_explanation_says_what_excluded_somebody() -> None:
    assert why_not(rule(not_users=("alice", "bob")), ask()) == "not_users: alice is one of alice, bob"
    assert why_not(rule(not_users=("arn:*:*:*:*:*/*/*",)), ask(DEPLOY)).startswith(
        f"not_users: {DEPLOY.arn} is"
    )
    assert why_not(rule(not_profiles=("prod",)), ask()) == "not_profiles: prod is one of prod"
    both = rule(users=("bob",), not_users=("alice",))
    assert why_not(both, ask()) == "users: alice is not one of bob"


def test_a_group_means_all_that_it_lists() -> None:
    assert decides(grouped("users: [group:oncall]"), ALICE, BOB, DEPLOY) == [True, False, True]
    assert decides(grouped("users: [group:no, group:oncall]"), ALICE, BOB, DEPLOY) == [True, True, True]
    assert decides(grouped("not_users: [group:oncall]"), ALICE, BOB, DEPLOY) == [False, True, False]


def test_an_explanation_names_the_group() -> None:
    policy = grouped("users: [group:no]")
    (step,) = explain(policy, ask())
    assert step.why_not == "users: alice is not one of group:no"


def test_groups_are_expanded_in_order_without_repeats() -> None:
    groups = (Group(name="a", users=("x", "y")), Group(name="b", users=("y", "z")))
    assert expand(("group:b", "w", "group:a"), groups) == ("y", "z", "w", "x")
    assert expand(("w",), groups) == ("w",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (when("users: [group:oncal]"), "users[0]: no group is named `oncal`; did you mean `oncall`?"),
        (when("not_users: [group:x]"), "not_users[0]: no group is named `x`; define it at the top"),
        ("groups: {a: [group:b]}\n", "groups.a[0]: a group cannot hold a group"),
        ("groups: {a: [user/x]}\n", "groups.a[0]: `user/x` is not a user name"),
        ("groups: {a: []}\n", "groups.a: is an empty list"),
        ("groups: {}\n", "groups: is empty"),
        ("groups: {a b: [c]}\n", "groups.a b: `a b` is not a group's name"),
        ('groups: {"\\e[2J": [c]}\n', "groups.\\x1b[2J: `\\x1b[2J` is not a group's name"),
        ("groups: {a: [b], a: [c]}\n", "`a` is given twice"),
        ("groups: [a]\n", "groups: is a list where a mapping is expected"),
    ],
)
def test_groups_that_do_not_hold_are_refused(text: str, said: str) -> None:
    groups = "groups: {oncall: [alice]}\n" if "oncal]" in text else ""
    rest = "" if "version" in text else when("users: [a]")
    assert said in problem(groups + text + rest)


@pytest.mark.parametrize(
    ("window", "opens", "closes"),
    [
        (TimeWindow(not_before=date(2026, 12, 1)), "2026-12-01T00:00Z", None),
        (TimeWindow(not_after=date(2026, 12, 24)), None, "2026-12-25T00:00Z"),
        (TimeWindow(not_before=date(2026, 7, 1), timezone="Europe/Berlin"), "2026-06-30T22:00Z", None),
        # A day that clocks skip, or whose midnight they do, begins where they go on.
        (TimeWindow(not_before=date(2011, 12, 30), timezone="Pacific/Apia"), "2011-12-30T10:00Z", None),
        (TimeWindow(not_before=date(2022, 9, 11), timezone="America/Santiago"), "2022-09-11T04:00Z", None),
        (TimeWindow(not_after=date(2022, 4, 2), timezone="America/Santiago"), None, "2022-04-03T04:00Z"),
        (
            TimeWindow(not_after=datetime.fromisoformat("2026-12-01T09:00+01:00"), timezone="Asia/Tokyo"),
            None,
            "2026-12-01T08:00Z",
        ),
    ],
)
def test_dates_are_days_in_the_windows_zone(
    window: TimeWindow, opens: str | None, closes: str | None
) -> None:
    expected = tuple(None if text is None else datetime.fromisoformat(text) for text in (opens, closes))
    assert span(window) == expected


@pytest.mark.parametrize(
    ("at", "open_"),
    [
        ("2026-11-30T22:59:59+00:00", False),
        ("2026-11-30T23:00:00+00:00", True),
        ("2026-12-24T22:59:59+00:00", True),
        ("2026-12-24T23:00:00+00:00", False),
    ],
)
def test_the_last_day_is_still_inside_and_the_next_is_not(at: str, open_: bool) -> None:
    freeze = TimeWindow(not_before=date(2026, 12, 1), not_after=date(2026, 12, 24), timezone="Europe/Berlin")
    assert matches(rule(time=freeze), ask(now=datetime.fromisoformat(at))) is open_


def test_an_instant_that_ends_a_window_is_outside() -> None:
    until = datetime(2026, 6, 7, 15, 30, tzinfo=UTC)
    assert not matches(rule(time=TimeWindow(not_after=until)), ask(now=until))
    assert matches(rule(time=TimeWindow(not_before=until)), ask(now=until))


def test_an_explanation_says_the_dates() -> None:
    later = TimeWindow(not_before=date(2026, 12, 1), not_after=datetime(2026, 12, 24, 9, tzinfo=UTC))
    said = "time: Sunday 15:30 UTC on 2026-06-07 is outside from 2026-12-01 to 2026-12-24T09:00:00Z"
    assert why_not(rule(time=later), ask()) == said


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ("not_before: 1.12.2026", "`1.12.2026` is not a date; write a day, as in 2026-12-01"),
        ("not_before: 2026-02-30", "`2026-02-30` is not a date"),
        ("not_before: 2026-12-01T09:00", "`2026-12-01T09:00` is not a date"),
        ("not_before: '2026-12-01 09:00:00Z'", "is not a date"),
        ("not_before: 1999-12-31", "`1999-12-31` is not from 2000 to 2199"),
        ("not_before: 2026-12-02, not_after: 2026-12-01", "is not after `not_before`, so the window never"),
        (
            "not_before: 2026-12-01T10:00Z, not_after: 2026-12-01T10:00+00:00",
            "is not after `not_before`, so the window never opens",
        ),
    ],
)
def test_dates_that_mean_nothing_are_refused(window: str, said: str) -> None:
    assert said in problem(when(f"time: {{{window}}}"))


def test_one_day_is_a_window() -> None:
    window = parse_policy(when("time: {not_before: 2026-12-01, not_after: 2026-12-01}"), file="p")
    found = window.rules[0].conditions.time
    assert found is not None
    assert found.not_before == found.not_after == date(2026, 12, 1)
