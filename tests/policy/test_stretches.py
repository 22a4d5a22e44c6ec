"""What the stretches leave out is what no clock can show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.schema import Conditions, Day, Effect, Hours, Mode, Policy, Rule, TimeWindow
from sentinel_server.policy.stretches import Period, home_zone, periods
from tests.fakes.credentials import ALICE
from tests.strategies import windows

SINCE = datetime(2026, 1, 5, tzinfo=UTC)


def policy(*timings: TimeWindow) -> Policy:
    """A policy with an allow in each of these windows."""
    rules = (Rule(name=str(t), effect=Effect.ALLOW, conditions=Conditions(time=t)) for t in timings)
    return Policy(rules=tuple(rules))


def is_open(window: TimeWindow, at: datetime) -> bool:
    """Whether a rule with only that window decides then."""
    ask = PolicyAsk(principal=ALICE, profile="prod", mode=Mode.CLI, now=at)
    return evaluate(policy(window), ask).rule is not None


def found(*timings: TimeWindow) -> tuple[Period, ...]:
    return periods(timings, SINCE)


def test_a_policy_without_windows_has_one_stretch() -> None:
    (period,) = found()
    assert [stretch.open for stretch in period.stretches] == [()]


def test_a_window_opens_and_closes_at_its_edges() -> None:
    (period,) = found(TimeWindow(days=(Day.MONDAY,), hours=Hours(start=540, end=1020)))
    assert [(s.start - SINCE, s.open) for s in period.stretches] == [
        (timedelta(0), (False,)),
        (timedelta(hours=9), (True,)),
        (timedelta(hours=17), (False,)),
    ]


def test_a_year_with_summer_time_has_three_periods() -> None:
    starts = [period.start for period in found(TimeWindow(days=(Day.MONDAY,), timezone="Europe/Berlin"))]
    assert starts == [SINCE, datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]


def test_dates_begin_periods_and_what_lies_before_is_forgotten() -> None:
    bounded = TimeWindow(
        hours=Hours(start=0, end=720),
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2031, 5, 1, 6, tzinfo=UTC),
    )
    first, last = found(bounded)
    assert (first.start, last.start) == (SINCE, datetime(2031, 5, 1, 6, tzinfo=UTC))
    assert any(stretch.open[0] for stretch in first.stretches)
    assert not any(stretch.open[0] for stretch in last.stretches)


def test_people_tell_the_time_in_the_only_zone_a_policy_names() -> None:
    berlin, utc = TimeWindow(days=(Day.MONDAY,), timezone="Europe/Berlin"), TimeWindow(days=(Day.MONDAY,))
    assert home_zone([policy(berlin), policy()]).key == "Europe/Berlin"
    assert home_zone([policy(berlin), policy(utc)]).key == "UTC"
    assert home_zone([policy()]).key == "UTC"


@settings(deadline=None, max_examples=60)
@given(st.lists(windows(), min_size=1, max_size=3), st.integers(0, 366 * 1440 - 1))
def test_whatever_is_open_at_some_minute_of_the_year_is_so_in_a_stretch(
    timings: list[TimeWindow], minute: int
) -> None:
    at = SINCE + timedelta(minutes=minute)
    timings = list(dict.fromkeys(timings))
    seen = {stretch.open for period in found(*timings) for stretch in period.stretches}
    assert tuple(is_open(window, at) for window in timings) in seen


@settings(deadline=None, max_examples=40)
@given(st.lists(windows(), min_size=1, max_size=2, unique=True), st.data())
def test_nothing_opens_or_closes_within_a_stretch(timings: list[TimeWindow], data: st.DataObject) -> None:
    for period in found(*timings):
        for here, there in zip(period.stretches, period.stretches[1:], strict=False):
            assert here.end == there.start
        stretch = data.draw(st.sampled_from(period.stretches))
        span = int((stretch.end - stretch.start).total_seconds()) - 1
        at = stretch.start + timedelta(seconds=data.draw(st.integers(0, span)))
        assert tuple(is_open(window, at) for window in timings) == stretch.open
