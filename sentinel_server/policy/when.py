"""Parts of the week in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, tzinfo

from sentinel_server.policy.explain import window_words
from sentinel_server.policy.schema import WEEK, Day, Hours, TimeWindow
from sentinel_server.policy.stretches import Period, Stretch
from sentinel_server.policy.yaml_lines import clock_time

Open = tuple[bool, ...]
"""Which windows are open."""
Part = tuple[int, int]
"""Minutes of the week from Monday's midnight: the first, below 10080, and the first after, maybe above."""

_DAY = 1440
_WEEK = 7 * _DAY


def when_words(periods: Sequence[Period], chosen: Collection[Open], zone: tzinfo) -> tuple[str, ...]:
    """When what is open is one of `chosen`, told in `zone`: one text, or one with its dates for each season.

    A period of less than a week is told by its dates, where no week shows the same.
    """
    name = str(zone)
    weeks = [period for period in periods if not period.short]
    shown = {stretch.open for week in weeks for stretch in week.stretches}
    rest = set(chosen) - shown
    texts = [f"{text} {name}" for text in _seasons(weeks, chosen, zone)]
    for period in periods:
        alone = [s for s in period.stretches if period.short and s.open in rest]
        texts += [f"{_date(s.start, zone)} to {_date(s.end, zone)} {name}" for s in alone]
    return tuple(texts)


def parts_words(parts: Sequence[Part]) -> str:
    """`monday-friday 09:00-17:00, saturday 22:00 to monday 06:00`."""
    if parts == [(0, _WEEK)] or any(end - start >= _WEEK for start, end in parts):
        return "always"
    by_hours: dict[Hours | None, list[Day]] = {}
    spans: list[str] = []
    for start, end in sorted(parts):
        for day, hours in _daily(start, end) or ():
            by_hours.setdefault(hours, []).append(WEEK[day % 7])
        if _daily(start, end) is None:
            spans.append(f"{_point(start)} to {_point(end)}")
    days = [_days_words(set(days), hours) for hours, days in by_hours.items()]
    return ", ".join(days + spans)


def _days_words(days: set[Day], hours: Hours | None) -> str:
    listed = () if len(days) == len(WEEK) else tuple(day for day in WEEK if day in days)
    return window_words(TimeWindow(days=listed, hours=hours)) or "always"


def _daily(start: int, end: int) -> list[tuple[int, Hours | None]] | None:
    """The days of a part that is whole days or within one; None for one that must be told from to."""
    first, last = start // _DAY, (end - 1) // _DAY
    if start % _DAY == 0 and end % _DAY == 0:
        return [(day, None) for day in range(first, last + 1)]
    if end - start < _DAY and (last == first or end % _DAY < start % _DAY):
        close = end % _DAY or _DAY
        return [(first, Hours(start=start % _DAY, end=close))]
    return None


def _seasons(weeks: Sequence[Period], chosen: Collection[Open], zone: tzinfo) -> Iterator[str]:
    told: list[tuple[datetime, str]] = []
    for week in weeks:
        text = parts_words(_parts(week.stretches, chosen, zone))
        if not told or told[-1][1] != text:
            told.append((week.start, text))
    for index, (start, text) in enumerate(told):
        if not text:
            continue
        dates = f" from {_date(start, zone)}" if index else ""
        if index + 1 < len(told):
            dates += f" until {_date(told[index + 1][0], zone)}"
        yield text + dates


def _parts(stretches: Sequence[Stretch], chosen: Collection[Open], zone: tzinfo) -> list[Part]:
    """The parts of a whole week, neighbours put together, across its end too."""
    found: list[Part] = []
    for stretch in stretches:
        if stretch.open not in chosen:
            continue
        local = stretch.start.astimezone(zone)
        start = local.weekday() * _DAY + local.hour * 60 + local.minute
        minutes = round((stretch.end - stretch.start).total_seconds() / 60)
        if found and found[-1][1] % _WEEK == start:
            found[-1] = (found[-1][0], found[-1][1] + minutes)
        else:
            found.append((start, start + minutes))
    if len(found) > 1 and found[-1][1] % _WEEK == found[0][0]:
        (_, end), (start, last) = found[0], found.pop()
        found[0] = (start, last + end - found[0][0])
    return found


def _point(minute: int) -> str:
    return f"{WEEK[minute // _DAY % 7].value} {clock_time(minute % _DAY)}"


def _date(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
