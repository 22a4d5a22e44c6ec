"""The instants that matter to a policy: between two of them nothing opens and nothing closes.

Windows repeat every week, and shift against each other only when a zone changes its clocks. So one week after
every such change, and after every date that a rule names, shows all that can ever be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from sentinel_server.frozen import frozen
from sentinel_server.policy.asked import PolicyAsk
from sentinel_server.policy.compiled import compiled
from sentinel_server.policy.match import inside, span, wall_clock
from sentinel_server.policy.schema import Policy, TimeWindow
from sentinel_server.policy.zones import find_zone

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_YEAR = timedelta(days=366)


@frozen
class Stretch:
    """From `start` until before `end`, in UTC; `open` says of every window whether it is open then."""

    start: datetime
    end: datetime
    open: tuple[bool, ...]


@frozen
class Period:
    """A time without any change of clocks or dates, and its first seven days, or all of it if `short`."""

    start: datetime
    short: bool
    stretches: tuple[Stretch, ...]


@lru_cache(maxsize=64)
def periods(windows: tuple[TimeWindow, ...], since: datetime) -> tuple[Period, ...]:
    """Every combination of open and closed that these windows can meet from `since` on, in order of time.

    Exact for the year after `since` and the year after each of their dates.
    """
    spans = _spans(windows, since.astimezone(UTC))
    return tuple(
        Period(start=start, short=end - start < _WEEK, stretches=tuple(_stretches(windows, start, end)))
        for start, end in spans
    )


def windows_met(policies: Iterable[Policy], ask: PolicyAsk) -> tuple[TimeWindow, ...]:
    """The windows on which decisions about such an ask depend at all, whatever its time."""
    met = (
        matcher.time
        for policy in policies
        for matcher in compiled(policy).standing(ask.profile, ask.mode, ask.principal, ask.home_account)
    )
    return tuple(dict.fromkeys(window for window in met if window is not None))


def home_zone(policies: Iterable[Policy]) -> ZoneInfo:
    """The zone in which people would tell these policies' times: the only one they name, else UTC."""
    windows = [rule.conditions.time for policy in policies for rule in policy.rules]
    zones = _zones([window for window in windows if window is not None])
    return zones[0] if len(zones) == 1 else ZoneInfo("UTC")


def _stretches(windows: Sequence[TimeWindow], start: datetime, end: datetime) -> Iterator[Stretch]:
    state = [_is_open(window, start) for window in windows]
    since, before = start, tuple(state)
    for at, touched in sorted(_edges(windows, start, end).items()):
        for index in touched:
            state[index] = _is_open(windows[index], at)
        if tuple(state) != before:
            yield Stretch(start=since, end=at, open=before)
            since, before = at, tuple(state)
    yield Stretch(start=since, end=end, open=before)


def _is_open(window: TimeWindow, at: datetime) -> bool:
    opens, closes = span(window)
    if (opens is not None and at < opens) or (closes is not None and at >= closes):
        return False
    clock = wall_clock(at, window.timezone)
    return clock is not None and inside(window, *clock)


def _spans(windows: Sequence[TimeWindow], since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """One week, or what there is of it, after everything that changes how windows lie to each other."""
    dates = {at for window in windows for at in span(window) if at is not None and at > since}
    anchors = {since, *dates}
    changes = {at for zone in _zones(windows) for anchor in anchors for at in _changes(zone, anchor)}
    starts = sorted(anchors | changes)
    for start, following in pairwise(starts):
        yield start, min(following, start + _WEEK)
    yield starts[-1], starts[-1] + _WEEK


def _zones(windows: Sequence[TimeWindow]) -> list[ZoneInfo]:
    found = (find_zone(name) for name in sorted({window.timezone for window in windows}))
    return [zone for zone in found if zone is not None]


def _changes(zone: ZoneInfo, since: datetime) -> Iterator[datetime]:
    """When clocks in `zone` are changed in the year after `since`, to the second.

    No zone changes them there and back within a week.
    """
    low = since
    while low < since + _YEAR:
        high = low + _WEEK
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            yield _change(zone, low, high)
        low = high


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    before = low.astimezone(zone).utcoffset()
    first, last = int(low.timestamp()), int(high.timestamp())
    while last - first > 1:
        middle = (first + last) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == before:
            first = middle
        else:
            last = middle
    return datetime.fromtimestamp(last, UTC)


def _edges(windows: Sequence[TimeWindow], start: datetime, end: datetime) -> dict[datetime, set[int]]:
    """The instants between both at which windows may open or close, with the indexes of those windows."""
    found: dict[datetime, set[int]] = {}
    for index, window in enumerate(windows):
        if (zone := find_zone(window.timezone)) is not None:
            for at in _openings(window, zone, start, end):
                if start < at < end:
                    found.setdefault(at, set()).add(index)
    return found


def _openings(window: TimeWindow, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every instant near the span at which the clock in `zone` may show an edge of the window."""
    hours = window.hours
    minutes = {0} if hours is None else {0, hours.start, hours.end % 1440}
    day: date = (start - _DAY).date()
    while day <= (end + _DAY).date():
        for minute in minutes:
            local = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)
            yield local.astimezone(UTC)
            yield local.replace(fold=1).astimezone(UTC)
        day += _DAY
