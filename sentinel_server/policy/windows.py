"""Reads time windows: days, hours, dates and the zone they are meant in."""

from __future__ import annotations

import re
from datetime import date, datetime

from sentinel_server.policy.fields import Field, shown
from sentinel_server.policy.match import span
from sentinel_server.policy.schema import Day, Hours, Moment, TimeWindow
from sentinel_server.policy.zones import zone_names

TIME_KEYS = ("days", "hours", "timezone", "not_before", "not_after")
"""What a window may say."""
YEARS = (2000, 2199)
"""The first and the last year of a date."""
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""A day, as policies write it."""
INSTANT = re.compile(rf"{DAY.pattern}T[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})")
"""An instant with its zone."""


def read_window(field: Field) -> TimeWindow:
    """The window at `field`, which must say more than a zone."""
    known = len(field.report.problems)
    found = field.mapping(TIME_KEYS)
    if not found.keys() - {"timezone"} and len(field.report.problems) == known:
        field.problem(
            "says neither `days` nor `hours` nor a date, so it is always true", "give it one, or leave it out"
        )
    window = TimeWindow(
        days=found["days"].distinct(lambda each: each.word(Day)) if "days" in found else (),
        hours=_hours(found["hours"]) if "hours" in found else None,
        timezone=_zone(found["timezone"]) if "timezone" in found else "UTC",
        not_before=_moment(found["not_before"]) if "not_before" in found else None,
        not_after=_moment(found["not_after"]) if "not_after" in found else None,
    )
    opens, closes = span(window)
    if opens is not None and closes is not None and closes <= opens:
        found["not_after"].problem("is not after `not_before`, so the window never opens")
    return window


def _hours(field: Field) -> Hours | None:
    found = field.mapping(("start", "end"), required=("start", "end"))
    start = _minutes(found["start"], last=1439) if "start" in found else None
    end = _minutes(found["end"], last=1440) if "end" in found else None
    if start is None or end is None:
        return None
    if start == end:
        field.problem("starts when it ends", "for the whole day write 00:00 to 24:00, or leave `hours` out")
    return Hours(start=start, end=end)


def _minutes(field: Field, last: int) -> int | None:
    if (text := field.text()) is None:
        return None
    digits = _CLOCK.fullmatch(text)
    hour, minute = (int(digits[1]), int(digits[2])) if digits else (99, 99)
    if minute > 59 or hour * 60 + minute > last:
        until = "24:00" if last == 1440 else "23:59"
        field.problem(
            f"`{shown(text)}` is not a time of day", f"write HH:MM, from 00:00 to {until}, as in 09:00"
        )
        return None
    return hour * 60 + minute


def _zone(field: Field) -> str:
    text = field.text()
    if text is None or text in zone_names():
        return text or "UTC"
    near = field.report.closest(text, zone_names())
    suggestion = f"did you mean `{near}`?" if near else "use an IANA name, as in `Europe/Berlin`"
    field.problem(f"unknown timezone `{shown(text)}`", suggestion)
    return text


def _moment(field: Field) -> Moment | None:
    if (text := field.text()) is None:
        return None
    moment: Moment | None = None
    try:
        if DAY.fullmatch(text):
            moment = date.fromisoformat(text)
        elif INSTANT.fullmatch(text):
            moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None:
        way_out = "write a day, as in 2026-12-01, or an instant with its zone, as in 2026-12-01T09:00+01:00"
        field.problem(f"`{shown(text)}` is not a date", way_out)
    elif not YEARS[0] <= moment.year <= YEARS[1]:
        field.problem(f"`{shown(text)}` is not from {YEARS[0]} to {YEARS[1]}")
        return None
    return moment
