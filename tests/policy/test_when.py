"""Parts of the week as people would say them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from sentinel_server.policy.schema import Day, Hours, TimeWindow
from sentinel_server.policy.stretches import periods
from sentinel_server.policy.when import parts_words, when_words

DAY = 1440


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], ""),
        ([(0, 7 * DAY)], "always"),
        ([(500, 500 + 7 * DAY)], "always"),
        ([(540, 1020)], "monday 09:00-17:00"),
        ([(day * DAY + 540, day * DAY + 1020) for day in range(5)], "monday-friday 09:00-17:00"),
        ([(day * DAY + 540, day * DAY + 1020) for day in range(7)], "09:00-17:00"),
        ([(day * DAY + 1320, day * DAY + 1800) for day in (4, 5)], "friday, saturday 22:00-06:00"),
        ([(5 * DAY, 7 * DAY)], "saturday, sunday"),
        ([(6 * DAY, 8 * DAY)], "monday, sunday"),
        ([(1020, DAY)], "monday 17:00-24:00"),
        ([(4 * DAY + 1020, 7 * DAY + 540)], "friday 17:00 to monday 09:00"),
        ([(600, 600 + DAY)], "monday 10:00 to tuesday 10:00"),
        ([(540, 600), (660, 700), (DAY, 2 * DAY)], "monday 09:00-10:00, monday 11:00-11:40, tuesday"),
    ],
)
def test_parts_of_a_week_in_words(parts: list[tuple[int, int]], words: str) -> None:
    assert parts_words(parts) == words


BERLIN = ZoneInfo("Europe/Berlin")
SUMMER = datetime(2026, 6, 3, 10, 17, tzinfo=UTC)


def told(*windows: TimeWindow, since: datetime = SUMMER, zone: ZoneInfo = BERLIN) -> tuple[str, ...]:
    """When the first of these windows is open."""
    found = periods(windows, since)
    opens = {stretch.open for period in found for stretch in period.stretches}
    return when_words(found, {each for each in opens if each[0]}, zone)


def test_a_window_in_the_zone_it_is_told_in_is_the_same_all_year() -> None:
    hours = Hours(start=540, end=1020)
    window = TimeWindow(days=(Day.MONDAY, Day.WEDNESDAY), hours=hours, timezone="Europe/Berlin")
    assert told(window) == ("monday, wednesday 09:00-17:00 Europe/Berlin",)


def test_a_window_that_is_open_when_the_telling_begins_is_one_part() -> None:
    now = TimeWindow(days=(Day.WEDNESDAY,), timezone="Europe/Berlin")
    assert told(now) == ("wednesday Europe/Berlin",)


def test_a_window_of_another_zone_shifts_with_the_clocks() -> None:
    other = TimeWindow(hours=Hours(start=60, end=120), timezone="Europe/Berlin")
    assert told(other, zone=ZoneInfo("UTC")) == (
        "23:00-24:00 until 2026-10-25 01:00 UTC",
        "00:00-01:00 from 2026-10-25 01:00 until 2027-03-28 01:00 UTC",
        "23:00-24:00 from 2027-03-28 01:00 UTC",
    )


def test_dates_are_told_where_they_bound_a_window() -> None:
    month = TimeWindow(not_before=date(2026, 7, 1), not_after=date(2026, 7, 31), hours=Hours(start=0, end=60))
    assert told(month, zone=ZoneInfo("UTC")) == (
        "00:00-01:00 from 2026-07-01 00:00 until 2026-08-01 00:00 UTC",
    )


def test_less_than_a_week_is_told_by_its_dates() -> None:
    days = TimeWindow(not_before=date(2026, 12, 24), not_after=date(2026, 12, 26), timezone="Europe/Berlin")
    assert told(days) == ("2026-12-24 00:00 to 2026-12-27 00:00 Europe/Berlin",)


def test_what_is_never_open_is_not_told() -> None:
    past = TimeWindow(not_after=date(2020, 1, 1))
    assert told(past) == ()


def test_the_hour_that_clocks_skip_is_no_part_of_any_week() -> None:
    skipped = TimeWindow(days=(Day.SUNDAY,), hours=Hours(start=120, end=180), timezone="Europe/Berlin")
    assert told(skipped) == ("sunday 02:00-03:00 Europe/Berlin",)
