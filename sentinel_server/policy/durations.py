"""Durations as policies and flags write them: Go's form (`1h30m`, `15m0s`) and days (`1d`).

A bare number is refused, because nobody can tell seconds from minutes by looking at it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

_LONGEST = 60
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_LIFETIME = 100 * 366 * _UNITS["d"]
"""Seconds; so that any duration can be added to now and taken from it."""
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([dhms])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_FINER = re.compile(r"[0-9](?:ms|us|µs|μs|ns)", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """The positive whole seconds that `text` says; raises ValueError with the reason for anything else."""
    if text.startswith("-"):
        raise ValueError("a duration must be positive")
    if re.fullmatch(r"[0-9]+", text, re.ASCII):
        raise ValueError(f"a duration needs a unit; did you mean `{text[:20]}s`?")
    if _FINER.search(text):
        raise ValueError("a duration has whole seconds")
    if len(text) > _LONGEST or not _WHOLE.fullmatch(text):
        raise ValueError("not a duration; write it as `15m`, `1h30m` or `1d`")
    seconds = sum((Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(text)), Decimal(0))
    return _checked(seconds)


def format_duration(span: timedelta) -> str:
    """`1h30m`: the shortest text that `parse_duration` reads as `span`, which has positive whole seconds."""
    left = int(span.total_seconds())
    parts = []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _checked(seconds: Decimal) -> timedelta:
    if seconds == 0:
        raise ValueError("a duration must be more than zero")
    if seconds != seconds.to_integral_value():
        raise ValueError("a duration has whole seconds")
    if seconds > _LIFETIME:
        raise ValueError("a duration of more than a lifetime")
    return timedelta(seconds=int(seconds))
