"""Time as text: what sorts, what is read back, what SDKs are told; and when a clock counts as wrong."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.clock import MAX_SKEW, SystemClock, SystemIds, parse_sortable, sortable, whole_seconds

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001  # Hypothesis adds the zone
    max_value=datetime(2999, 1, 1),  # noqa: DTZ001
    timezones=ZONES,
)
"""Any instant of the product's life, in any zone."""


@given(INSTANTS)
def test_an_instant_is_read_back_as_it_was_written(instant: datetime) -> None:
    assert parse_sortable(sortable(instant)) == instant
    assert parse_sortable(sortable(instant)).utcoffset() == timedelta(0)


@given(INSTANTS, INSTANTS)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    assert (sortable(one) < sortable(other)) == (one < other)
    assert (sortable(one) == sortable(other)) == (one == other)


@given(INSTANTS)
def test_a_stored_instant_has_one_width_whatever_its_fraction(instant: datetime) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", sortable(instant), re.ASCII)


@given(INSTANTS)
def test_whole_seconds_are_never_later_than_the_instant(instant: datetime) -> None:
    text = whole_seconds(instant)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text, re.ASCII)
    assert timedelta(0) <= instant - datetime.fromisoformat(text) < timedelta(seconds=1)


@pytest.mark.parametrize("write", [sortable, whole_seconds])
def test_a_time_without_a_zone_is_not_written(write: object) -> None:
    assert callable(write)
    with pytest.raises(ValueError, match="zone"):
        write(datetime(2026, 1, 31))  # noqa: DTZ001  # as naive as it is wrong


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T09:05:00Z",
        "2026-01-31T09:05:00.000Z",
        "2026-01-31T09:05:00.000000",
        "2026-01-31T09:05:00.000000+00:00",
        "2026-01-31T10:05:00.000000+01:00",
        "0001-01-01T00:00:00.000000+14:00",
        "9999-12-31T23:59:59.000000-14:00",
        "2026-01-31 09:05:00.000000Z",
        "2026-01-31t09:05:00.000000z",
        "2026-02-30T09:05:00.000000Z",
        " 2026-01-31T09:05:00.000000Z",
        "2026-01-31T09:05:00.000000Z\n",
    ],
)
def test_a_time_in_any_other_form_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_sortable(text)


@given(st.text(max_size=40))
def test_what_is_read_is_what_would_be_written(text: str) -> None:
    try:
        instant = parse_sortable(text)
    except ValueError:
        return
    assert sortable(instant) == text


def observed(offset: timedelta) -> tuple[timedelta, timedelta, timedelta]:
    """The skew after AWS showed a time `offset` from ours, between the least and the most it can be."""
    ours, clock = SystemClock(), SystemClock()
    before = ours.now()
    shown = before + offset
    clock.observe(shown)
    return shown - ours.now(), clock.skew(), offset


@pytest.mark.parametrize("seconds", [-86400, -301, -10, 30, 299, 301, 86400])
def test_a_noticeable_difference_is_the_skew(seconds: int) -> None:
    least, skew, most = observed(timedelta(seconds=seconds))
    assert least <= skew <= most


@pytest.mark.parametrize("milliseconds", [-900, -1, 0, 1, 500, 1999])
def test_what_whole_seconds_could_hide_is_no_skew(milliseconds: int) -> None:
    assert observed(timedelta(milliseconds=milliseconds))[1] == timedelta(0)


def test_the_last_date_seen_counts_and_an_agreeing_one_heals() -> None:
    clock, ours = SystemClock(), SystemClock()
    clock.observe(ours.now() + timedelta(hours=1))
    assert clock.now() - ours.now() > timedelta(minutes=50)
    clock.observe(ours.now())
    assert clock.skew() == timedelta(0)


def test_a_correction_is_not_added_to_the_one_before() -> None:
    clock, ours = SystemClock(), SystemClock()
    for _ in range(3):
        clock.observe(ours.now() + timedelta(hours=1))
    assert clock.skew() <= timedelta(hours=1)


@pytest.mark.parametrize("year", [1, 9999])
def test_a_date_at_the_end_of_the_calendar_leaves_a_clock_that_tells_the_time(year: int) -> None:
    """It is refused for its skew, and the next right date heals it."""
    clock, right = SystemClock(), SystemClock()
    clock.observe(datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert abs(clock.skew()) > MAX_SKEW
    assert abs(clock.now() + timedelta(days=1) - right.now()) > MAX_SKEW
    clock.observe(right.now())
    assert clock.skew() == timedelta(0)


def test_a_clock_that_has_seen_nothing_trusts_the_machine_and_knows_its_zone() -> None:
    clock = SystemClock()
    assert (clock.skew(), clock.now().tzinfo) == (timedelta(0), UTC)
    assert clock.monotonic() <= clock.monotonic()


def test_ids_are_sixteen_hex_digits_and_do_not_come_back() -> None:
    made = {SystemIds().fresh() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in made)
