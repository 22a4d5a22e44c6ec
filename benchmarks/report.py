"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

RESULTS = Path(__file__).with_name("results")
"""Where every run leaves its JSON."""

_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A number to reach: at least or at most `bound`."""

    kind: Literal["at least", "at most"]
    bound: float

    def met(self, value: float) -> bool:
        """Whether `value` reaches it."""
        return value >= self.bound if self.kind == "at least" else value <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured thing: the value of every round, of which the median counts, and what it should be."""

    what: str
    rounds: tuple[float, ...]
    unit: str
    target: Target | None = None

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def verdict(self) -> str:
        """`yes`, `no`, or nothing when there is no target."""
        if self.target is None:
            return ""
        return "yes" if self.target.met(self.value) else "no"


def row(
    what: str, rounds: Sequence[float], unit: str, *, least: float | None = None, most: float | None = None
) -> Row:
    """A row, with a target when `least` or `most` says one."""
    target = None
    if least is not None:
        target = Target(kind="at least", bound=least)
    elif most is not None:
        target = Target(kind="at most", bound=most)
    return Row(what=what, rounds=tuple(rounds), unit=unit, target=target)


def compared(
    one: Sequence[float], other: Sequence[float], how: Callable[[float, float], float]
) -> tuple[float, ...]:
    """`how` of the two in each round, so that what slows a whole round down does not count."""
    return tuple(how(a, b) for a, b in zip(one, other, strict=True))


def ratio(one: float, other: float) -> float:
    """How many times `other` fits into `one`."""
    return one / other


def above(one: float, other: float) -> float:
    """By how much `one` exceeds `other`."""
    return one - other


def table(title: str, rows: Sequence[Row]) -> str:
    """The rows as text, 80 columns wide."""
    lines = [title, f"{'':<39}{'median':>10} {'(min … max)':>16} {'target':>12}"]
    for each in rows:
        spread = f"({_short(min(each.rounds))} … {_short(max(each.rounds))})"
        target = each.target
        wanted = (
            "" if target is None else f"{'≥' if target.kind == 'at least' else '≤'} {_short(target.bound)}"
        )
        missed = " NO" if each.verdict == "no" else ""
        lines.append(
            f"{each.what[:39]:<39}{_short(each.value):>7}{each.unit:>3} {spread:>17} {wanted:>8}{missed}"
        )
    return "\n".join(line[:_WIDTH].rstrip() for line in lines)


def save(name: str, rows: Sequence[Row], also: Path | None) -> Path:
    """Write the rows with every round's value; `also` is another place to write them to."""
    document = {
        "benchmark": name,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "rows": [
            {
                "what": each.what,
                "unit": each.unit,
                "median": each.value,
                "rounds": each.rounds,
                "target": None if each.target is None else f"{each.target.kind} {each.target.bound}",
                "met": None if each.target is None else each.target.met(each.value),
            }
            for each in rows
        ],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    for place in (path, also):
        if place is not None:
            place.write_text(text, encoding="utf-8")
    return path


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
