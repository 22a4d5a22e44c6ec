"""Who may break the glass, and when one that is said to be broken gives something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from sentinel_server.breakglass.model import Closing, Review
from sentinel_server.breakglass.rules import (
    LEEWAY,
    MFA_FRESH,
    Forbidden,
    InForce,
    NotInForce,
    Permitted,
    in_force,
    may_open,
    names,
)
from sentinel_server.policy.breakglass import BreakGlassPolicy, MfaMethod, MfaRequirement, ReasonCode
from sentinel_server.policy.schema import Day, Group, Hours, TimeWindow
from tests.fakes.clock import NOON
from tests.fakes.emergencies import (
    ALICE,
    BOB,
    HOME,
    HOUR,
    a_policy,
    a_rule,
    an_event,
    evidence,
    iam_user,
    sso_user,
    wanted,
)
from tests.strategies import instants

TOTP = MfaRequirement(methods=(MfaMethod.TOTP,))
WEEKDAYS = TimeWindow(days=(Day.MONDAY, Day.TUESDAY), hours=Hours(start=540, end=1020))


def refusal(policy: BreakGlassPolicy, now: datetime = NOON, **changes: Any) -> str:
    """Why it may not be opened."""
    verdict = may_open(policy, wanted(**changes), now)
    assert isinstance(verdict, Forbidden)
    return verdict.error.message


def judged(policy: BreakGlassPolicy | None = None, now: datetime = NOON, **changes: Any) -> InForce | str:
    """What Alice's emergency gives her for `prod`: the end of it, or why nothing."""
    found = in_force(
        an_event(**changes),
        policy or a_policy(),
        person=ALICE.person,
        principal=ALICE,
        profile="prod",
        now=now,
        home_account=HOME,
    )
    return found.why if isinstance(found, NotInForce) else found


def test_the_first_rule_whose_profiles_fit_decides_alone() -> None:
    first, later = a_rule(name="first", users=("bob",)), a_rule(name="later")
    assert "'first' does not name alice" in refusal(a_policy(first, later))
    assert may_open(a_policy(later, first), wanted(), NOON) == Permitted(rule=later)


def test_where_no_rule_fits_nobody_may() -> None:
    assert "no break-glass rule is for staging" in refusal(a_policy(), profile="staging")


@pytest.mark.parametrize(
    "users",
    [("alice",), ("a*",), (f"arn:aws:iam::{HOME}:user/*",), ("group:oncall",)],
    ids=["bare", "wildcard", "arn", "group"],
)
def test_users_are_named_as_in_policies(users: tuple[str, ...]) -> None:
    policy = a_policy(a_rule(users=users), groups=(Group(name="oncall", users=("alice",)),))
    assert isinstance(may_open(policy, wanted(), NOON), Permitted)
    assert isinstance(
        may_open(policy, wanted(principal=iam_user("mallory", "999999999999")), NOON), Forbidden
    )


def test_weakness_5_a_namesake_of_another_account_or_of_other_letters_is_not_named() -> None:
    for stranger in (iam_user("alice", "999999999999"), iam_user("a.lice"), iam_user("Alice")):
        assert "does not name" in refusal(a_policy(), principal=stranger)


@pytest.mark.parametrize(
    ("rule", "want", "told"),
    [
        ({"users": ("bob",)}, {}, "does not name alice"),
        ({"allowed_reason_codes": (ReasonCode.SECURITY,)}, {}, "does not allow the reason code incident"),
        ({"time": WEEKDAYS}, {}, "is for monday, tuesday 09:00-17:00 UTC only"),
        ({"max_duration": HOUR}, {"duration": HOUR * 2}, "2h is more than the 1h that break-glass rule"),
        (
            {"time": TimeWindow(days=(Day.SATURDAY,)), "max_duration": HOUR},
            {"duration": HOUR * 2},
            "2h is more",
        ),
    ],
)
def test_weakness_13_the_limit_that_is_named_is_the_one_in_the_way(
    rule: dict[str, Any], want: dict[str, Any], told: str
) -> None:
    assert told in refusal(a_policy(a_rule(**rule)), **want)


@pytest.mark.parametrize("cap", [None, HOUR * 4], ids=["no cap", "cap of four hours"])
def test_weakness_16_more_than_four_hours_is_refused_with_and_without_a_cap_of_the_rule(
    cap: timedelta | None,
) -> None:
    policy = a_policy(a_rule(max_duration=cap))
    assert "5h is more than the 4h" in refusal(policy, duration=HOUR * 5)
    assert isinstance(may_open(policy, wanted(duration=HOUR * 4), NOON), Permitted)


def test_weakness_16_a_window_may_cross_midnight() -> None:
    night = a_policy(a_rule(time=TimeWindow(hours=Hours(start=22 * 60, end=6 * 60))))
    for hour, verdict in ((23, Permitted), (5, Permitted), (6, Forbidden), (21, Forbidden)):
        assert isinstance(may_open(night, wanted(), datetime(2026, 2, 2, hour, tzinfo=UTC)), verdict)


def test_a_policy_names_a_person_whatever_the_time_and_the_reason() -> None:
    policy = a_policy(a_rule(time=WEEKDAYS, allowed_reason_codes=(ReasonCode.OTHER,)))
    assert names(policy, ALICE, "prod", HOME)
    assert names(policy, sso_user("bob"), "prod", HOME)
    assert not names(policy, iam_user("carol"), "prod", HOME)
    assert not names(policy, ALICE, "staging", HOME)
    assert not names(policy, ALICE, "prod", None)


def test_an_open_emergency_gives_access_until_its_end_and_no_longer() -> None:
    almost = NOON + HOUR - timedelta(microseconds=1)
    assert judged() == judged(now=almost) == InForce(ends_at=NOON + HOUR)
    assert judged(now=NOON + HOUR) == "is expired"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"person": BOB.person}, "is somebody else's"),
        ({"profile": "staging"}, "is for staging"),
        ({"drill": True}, "is a drill, which gives nothing"),
        (
            {"review": Review(at=NOON, by="bob", justified=True, comment="fine")},
            "was reviewed, so it is over",
        ),
        ({"closing": Closing(at=NOON, by="bob", reason="done")}, "is closed"),
        ({"created_at": NOON + LEEWAY + timedelta(seconds=1)}, "begins in the future"),
        ({"duration": HOUR * 5}, "5h is more than the 4h"),
    ],
)
def test_weakness_4_what_a_row_says_of_itself_is_judged_from_scratch(
    changes: dict[str, Any], why: str
) -> None:
    assert why in str(judged(**changes))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"users": ("bob",)}, "does not name alice"),
        ({"profiles": ("other",)}, "no break-glass rule is for prod"),
        ({"allowed_reason_codes": (ReasonCode.SECURITY,)}, "does not allow the reason code"),
        ({"max_duration": HOUR / 2}, "is more than the 30m"),
        ({"time": WEEKDAYS}, "is for monday, tuesday"),
        ({"mfa": TOTP}, "lacks the second factor"),
    ],
)
def test_weakness_2_the_policy_of_the_moment_decides_where_an_emergency_is_used(
    rule: dict[str, Any], why: str
) -> None:
    assert why in str(judged(a_policy(a_rule(**rule))))


def test_a_window_is_about_opening_and_not_about_the_end() -> None:
    policy = a_policy(a_rule(time=TimeWindow(hours=Hours(start=0, end=12 * 60 + 1))))
    assert isinstance(judged(policy, now=NOON + HOUR / 2), InForce)


@pytest.mark.parametrize(
    ("method", "age", "enough"),
    [
        ("totp", timedelta(seconds=1), True),
        ("totp", MFA_FRESH, True),
        ("totp", MFA_FRESH + timedelta(seconds=1), False),
        ("totp", -LEEWAY - timedelta(seconds=1), False),
        ("sms", timedelta(seconds=1), False),
    ],
)
def test_weakness_6_the_second_factor_counts_when_it_is_fresh_and_of_a_kind_that_is_wanted(
    method: str, age: timedelta, enough: bool
) -> None:
    found = judged(a_policy(a_rule(mfa=TOTP)), mfa=evidence(method, age))
    assert isinstance(found, InForce) is enough


def test_any_method_will_do_where_none_is_listed() -> None:
    assert isinstance(judged(a_policy(a_rule(mfa=MfaRequirement())), mfa=evidence("sms")), InForce)


@given(now=instants())
def test_whatever_the_time_nothing_is_given_outside_of_the_emergency(now: datetime) -> None:
    found = judged(now=now)
    assert isinstance(found, InForce) is (NOON - LEEWAY <= now < NOON + HOUR)
