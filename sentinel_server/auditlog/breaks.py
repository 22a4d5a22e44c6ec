"""Where a chain breaks once its lines are in order, and which line is to blame."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sentinel_server.auditlog.findings import Code
from sentinel_server.auditlog.lines import Line
from sentinel_server.auditlog.links import Links, is_first


@dataclass(frozen=True, slots=True)
class Blame:
    """What was done to which line, in words."""

    code: Code
    line: Line
    text: str


def breaks(
    order: Sequence[Line],
    links: Links,
    places: Mapping[Line, int],
    damaged: Sequence[int],
    trusted: frozenset[Line],
    forged: frozenset[Line],
    start: int = 0,
) -> Iterator[Blame]:
    """Lines that are missing from `order` or changed in it; each break is explained once.

    A break beside a damaged or forged line is explained by that line; `start` is where the file began.
    """
    blamed = set(forged)
    above: Line | None = None
    for line in order:
        missing = places[line] - (places[above] + 1 if above else start)
        if _holds(above, line):
            if line.seq != places[line]:
                blamed.add(line)
                yield Blame(Code.CHANGED, line, f"claims seq {line.seq} and follows seq {places[line] - 1}")
        elif missing > 0:
            gone = missing - _between(damaged, above, line)
            if gone > 0:
                yield Blame(Code.REMOVED, line, _span(places[line], gone, missing))
        elif not _between(damaged, above, line):
            vouched = links.named(line) or line in trusted or (line is order[-1] and above not in trusted)
            culprit = above if above and vouched and line not in forged else line
            if above not in blamed and culprit not in blamed:
                blamed.add(culprit)
                yield Blame(Code.CHANGED, culprit, _changed(culprit, line, above))
        above = line


def _holds(above: Line | None, line: Line) -> bool:
    return is_first(line) if above is None else line.prev == above.hash


def _between(damaged: Sequence[int], above: Line | None, line: Line) -> int:
    start = above.number if above else 0
    return max(0, bisect_left(damaged, line.number) - bisect_left(damaged, start))


def _span(place: int, gone: int, missing: int) -> str:
    first, last = place - missing, place - 1
    which = f"seq {first}" if first == last else f"seq {first} to {last}"
    lines = "1 line is" if gone == 1 else f"{gone} lines are"
    return f"{lines} missing before this one ({which})"


def _changed(culprit: Line, line: Line, above: Line | None) -> str:
    if culprit is above:
        return "is not what the next line was linked to"
    if above is None:
        return "is not linked to the beginning of its chain"
    return f"does not name the line before it, and nothing vouches for line {above.number} either"
