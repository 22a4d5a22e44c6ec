"""The timeline has every state of the windows that comes, and none that does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.policy.linting.timeline import moments
from sentinel_server.policy.match import inside, span, wall_clock
from sentinel_server.policy.schema import Conditions, Day, Effect, Hours, Policy, Rule, TimeWindow
from tests.strategies import windows

NOW = datetime(2026, 3, 1, 7, 30, tzinfo=UTC)


def a_policy(*windows: TimeWindow | None) -> Policy:
    """One rule for each window."""
    return Policy(
        rules=tuple(
            Rule(name=f"r{n}", effect=Effect.ALLOW, conditions=Conditions(time=window))
            for n, window in enumerate(windows)
        )
    )


def open_at(policy: Policy, at: datetime) -> int:
    """The rules whose windows are open, as the evaluator's own parts say."""
    return sum(1 << n for n, rule in enumerate(policy.rules) if _open(rule.conditions.time, at))


def _open(window: TimeWindow | None, at: datetime) -> bool:
    if window is None:
        return True
    opens, closes = span(window)
    clock = wall_clock(at, window.timezone)
    in_dates = (opens is None or opens <= at) and (closes is None or at < closes)
    return in_dates and clock is not None and inside(window, *clock)


@given(st.lists(windows(), min_size=1, max_size=3))
@settings(max_examples=40)
def test_each_state_is_one_that_the_evaluator_sees_at_its_instant(found: list[TimeWindow]) -> None:
    policy = a_policy(*found)
    for rules, at in moments(policy, NOW).items():
        assert at >= NOW
        assert open_at(policy, at) == rules


@given(
    st.lists(windows(), min_size=1, max_size=3),
    st.lists(st.integers(0, 20 * 366 * 1440), min_size=60, max_size=60),
)
@settings(max_examples=40)
def test_no_instant_has_a_state_that_is_missing(found: list[TimeWindow], minutes: list[int]) -> None:
    policy = a_policy(*found)
    states = moments(policy, NOW)
    for each in minutes:
        assert open_at(policy, NOW + timedelta(minutes=each)) in states


def test_without_windows_there_is_one_instant() -> None:
    assert moments(a_policy(None, None), NOW) == {3: NOW}


def test_windows_in_two_zones_meet_only_while_their_clocks_differ_less() -> None:
    """Berlin is 5 hours ahead of New York in the weeks in which only one of them has summer time, else 6."""
    berlin = TimeWindow(hours=Hours(start=14 * 60, end=14 * 60 + 30), timezone="Europe/Berlin")
    new_york = TimeWindow(hours=Hours(start=9 * 60, end=9 * 60 + 30), timezone="America/New_York")
    at = moments(a_policy(berlin, new_york), NOW)[3]
    assert datetime(2026, 3, 8, tzinfo=UTC) <= at < datetime(2026, 3, 29, tzinfo=UTC)


def test_an_hour_that_summer_time_leaves_out_is_no_instant() -> None:
    skipped = TimeWindow(
        hours=Hours(start=120, end=180),
        timezone="Europe/Berlin",
        not_before=date(2027, 3, 28),
        not_after=date(2027, 3, 28),
    )
    assert set(moments(a_policy(skipped), NOW)) == {0}


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    twice = TimeWindow(
        hours=Hours(start=120, end=180),
        timezone="Europe/Berlin",
        not_before=datetime(2026, 10, 25, 1, tzinfo=UTC),
        not_after=datetime(2026, 10, 25, 2, tzinfo=UTC),
    )
    assert moments(a_policy(twice), NOW)[1] == datetime(2026, 10, 25, 1, tzinfo=UTC)


def test_what_is_over_never_comes_and_a_far_date_does() -> None:
    past = TimeWindow(not_after=date(2026, 2, 28))
    far = TimeWindow(not_before=date(2150, 6, 1), days=(Day.SUNDAY,))
    states = moments(a_policy(past, far), NOW)
    assert set(states) == {0, 2}
    assert states[2].year == 2150


def test_days_and_dates_that_never_meet_are_no_instant() -> None:
    monday_the_first = TimeWindow(days=(Day.MONDAY,), not_before=date(2026, 4, 1), not_after=date(2026, 4, 3))
    assert set(moments(a_policy(monday_the_first), NOW)) == {0}


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Mars"):
        moments(a_policy(TimeWindow(days=(Day.MONDAY,), timezone="Mars")), NOW)
