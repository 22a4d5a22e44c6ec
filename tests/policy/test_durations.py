"""Durations: Go's form and days."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings

from sentinel_server.policy.durations import format_duration, parse_duration
from tests.strategies import durations


@settings(deadline=None)
@given(durations(timedelta(seconds=1), timedelta(days=400)))
def test_a_printed_duration_is_read_as_the_same(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span
