"""The instants at which the windows of a policy differ, summer time, dates and all.

Between two changes of a zone's clocks, and between two dates that the policy names, everything repeats by
the week. So the future is a few weeks, each with its own offsets from UTC, and each cut where a window opens
or closes. It ends 28 years after the last date named (weekdays fall on the same dates again then), in 2200 at
the latest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import compress, pairwise

from sentinel_server.policy.linting.globs import one_of
from sentinel_server.policy.match import span
from sentinel_server.policy.schema import Policy, TimeWindow
from sentinel_server.policy.zones import find_zone

_DAY = 86_400
_WEEK = 7 * _DAY
_MONDAY = 3 * _DAY
"""What to add to seconds since 1970, a Thursday, so that weeks begin on Mondays."""
_CYCLE = timedelta(days=28 * 366)
_END = datetime(2200, 1, 1, tzinfo=UTC)


def moments(policy: Policy, since: datetime) -> dict[int, datetime]:
    """An instant from `since` on for every set of rules, a bit for each, whose windows ever open together.

    Every zone must be known; ValueError otherwise.
    """
    by_window: dict[TimeWindow, int] = defaultdict(int)
    for number, rule in enumerate(policy.rules):
        if rule.conditions.time is not None:
            by_window[rule.conditions.time] |= 1 << number
    always = one_of(n for n, rule in enumerate(policy.rules) if rule.conditions.time is None)
    found: dict[int, datetime] = {}
    for start, second in _sections(by_window, always, since.astimezone(UTC)):
        found.setdefault(second, start)
    return found


def _sections(
    windows: Mapping[TimeWindow, int], always: int, since: datetime
) -> Iterator[tuple[datetime, int]]:
    """Instants, and the rules whose windows are open then."""
    spans = {window: span(window) for window in windows}
    dates = {at for bounds in spans.values() for at in bounds if at is not None}
    first, last = _ceiling(since), _seconds(max(since, min(_END, max([since, *dates]) + _CYCLE)))
    zones = {window.timezone: _changes(window.timezone, first, last) for window in windows}
    cuts = {first, *(at for at in map(_seconds, dates) if first < at < last)}
    cuts.update(at for changes in zones.values() for at, _ in changes)
    weeks: dict[object, list[tuple[int, int]]] = {}
    whole: set[object] = set()
    for start, end in pairwise([*sorted(cuts), last + 1]):
        offsets = {zone: _latest(changes, start) for zone, changes in zones.items()}
        now_on = tuple(_covers(bounds, start) for bounds in spans.values())
        key = (tuple(offsets.values()), now_on)
        if key in whole:
            continue
        if key not in weeks:
            weeks[key] = _week(dict(compress(windows.items(), now_on)), offsets)
        for at, rules in _within(weeks[key], start, end):
            yield datetime.fromtimestamp(at, UTC), rules | always
        if end - start >= _WEEK:
            whole.add(key)


def _within(week: Sequence[tuple[int, int]], start: int, end: int) -> Iterator[tuple[int, int]]:
    """The first instant from `start` and before `end` in each section of the week."""
    began = start - (start + _MONDAY) % _WEEK
    ends = [*(at for at, _ in week[1:]), _WEEK]
    for (begin, rules), finish in zip(week, ends, strict=True):
        for monday in (began, began + _WEEK):
            at = max(start, monday + begin)
            if at < min(end, monday + finish):
                yield at, rules
                break


def _week(windows: Mapping[TimeWindow, int], offsets: Mapping[str, int]) -> list[tuple[int, int]]:
    """The sections of a week in UTC: where each begins, and the rules whose windows are open in it."""
    turns: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for window, rules in windows.items():
        for begin, length in _spells(window):
            at = (begin - offsets[window.timezone]) % _WEEK
            turns[at].append((rules, 1))
            turns[(at + length) % _WEEK].append((rules, -1))
            if at + length >= _WEEK:
                turns[0].append((rules, 1))
    open_now: dict[int, int] = defaultdict(int)
    sections = []
    for at in sorted({0, *turns}):
        for rules, change in turns[at]:
            open_now[rules] += change
        mask = 0
        for rules, count in open_now.items():
            mask |= rules if count > 0 else 0
        sections.append((at, mask))
    return sections


def _spells(window: TimeWindow) -> Iterator[tuple[int, int]]:
    """Seconds after the zone's Monday midnight at which the window opens, and for how many."""
    hours = window.hours
    start, end = (0, 1440) if hours is None else (hours.start, hours.end)
    length = (end - start if start < end else end + 1440 - start) * 60
    for number in sorted({day.number for day in window.days} or range(7)):
        yield number * _DAY + start * 60, length


def _covers(bounds: tuple[datetime | None, datetime | None], at: int) -> bool:
    opens, closes = bounds
    return (opens is None or _seconds(opens) <= at) and (closes is None or at < _seconds(closes))


def _offset(zone: str, at: int) -> int:
    found = find_zone(zone)
    if found is None:
        raise ValueError(f"the zone {zone!r} is unknown")
    offset = datetime.fromtimestamp(at, found).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())


@lru_cache(maxsize=1024)
def _changes(zone: str, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """When clocks are changed, and to which offset; at `first` that in force.

    No two changes in a zone are within one day of each other.
    """
    before = _offset(zone, first)
    found = [(first, before)]
    for low in range(first, last, _DAY):
        high = min(low + _DAY, last)
        after = _offset(zone, high)
        if after != before:
            found.append((_change(zone, low, high), after))
        before = after
    return tuple(found)


def _latest(changes: Sequence[tuple[int, int]], at: int) -> int:
    """The offset in force at an instant."""
    return changes[bisect_right(changes, (at, _WEEK)) - 1][1]


def _change(zone: str, low: int, high: int) -> int:
    before = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _ceiling(at: datetime) -> int:
    seconds = int(at.timestamp())
    return seconds if at.microsecond == 0 else seconds + 1
