"""The lines of our YAML: one form for each sort of value, in quotes where another reader may mistake it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import Enum

from sentinel_server.policy.durations import format_duration
from sentinel_server.policy.schema import Lease, Moment, TimeWindow

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
# What other YAML readers would not take for text (YAML 1.1, https://yaml.org/type/bool.html).
_CLAIMED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_WIDTH = 100

Value = str | bool | int | Enum | timedelta | date | Lease | None


def window(window: TimeWindow) -> Iterator[str]:
    """The lines of a window."""
    yield from listed("days", window.days)
    if window.hours is not None:
        start, end = window.hours.start, window.hours.end
        yield f'hours: {{start: "{clock_time(start)}", end: "{clock_time(end)}"}}'
    yield from one("not_before", window.not_before)
    yield from one("not_after", window.not_after)
    yield from one("timezone", None if window.timezone == "UTC" else window.timezone)


def clock_time(minute: int) -> str:
    """`09:00`: a minute of the day as policies write it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def moment_text(moment: Moment) -> str:
    """A day or an instant as policies write it: `2026-12-01`, `2026-12-01T09:00:00+01:00`."""
    text = moment.isoformat()
    return text.replace("+00:00", "Z") if isinstance(moment, datetime) else text


def one(key: str, value: Value) -> Iterator[str]:
    """The line of one value; none for one that says nothing."""
    if value not in (None, False, ""):
        yield f"{key}: {scalar(value)}"


def listed(key: str, values: Sequence[str | Enum]) -> Iterator[str]:
    """The line of a list, or a line for each entry when one would be too long; none for an empty one."""
    texts = [scalar(value) for value in values]
    line = f"{key}: [{', '.join(texts)}]"
    if len(line) <= _WIDTH:
        yield from [line] if texts else []
    else:
        yield f"{key}:"
        yield from (f"  - {text}" for text in texts)


def below(key: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines under a key."""
    yield f"{key}:"
    yield from (f"  {line}" for line in lines)


def items(key: str, each: Iterable[Iterable[str]]) -> Iterator[str]:
    """A list of mappings, each given by its lines."""
    yield f"{key}:"
    for first, *rest in each:
        yield f"  - {first}"
        yield from (f"    {line}" for line in rest)


def scalar(value: Value) -> str:
    """The text of one value."""
    if isinstance(value, bool):
        return "true"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, date):
        return f'"{moment_text(value)}"'
    if isinstance(value, Lease):
        return value.word or format_duration(timedelta(seconds=value.seconds or 0))
    text = str(value.value) if isinstance(value, Enum) else str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _CLAIMED
    return text if plain else json.dumps(text, ensure_ascii=False)
