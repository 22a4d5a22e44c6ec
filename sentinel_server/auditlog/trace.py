"""What happened to a file whose chain does not hold. Pure; `verify` asks only when it does not.

A line's bytes are vouched for by the line that names their hash, and its place by the line it names. So a
copy has equal bytes; a foreign line stands between two lines that name each other; a moved line names one
that is elsewhere; a missing line leaves a gap in the numbers; and a changed line is in its place, unnamed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise

from sentinel_server.auditlog.breaks import Blame, breaks
from sentinel_server.auditlog.findings import Code
from sentinel_server.auditlog.lines import Line
from sentinel_server.auditlog.links import Links, is_first


def trace(
    lines: Sequence[Line],
    damaged: Sequence[int],
    trusted: frozenset[Line],
    forged: frozenset[Line],
    start: int = 0,
) -> list[Blame]:
    """The smallest explanation found for every break in the chain of `lines`.

    `damaged` are the numbers of lines that could not be read; `trusted` lines have a good seal, `forged`
    ones a bad one, which is reported elsewhere and explains a break by itself. `start` is the number of the
    first line, should that be missing.
    """
    copies = list(_copies(lines))
    links = Links(_without(lines, copies))
    ends = frozenset(line for line in links.lines if line.final) - forged
    forks = list(_forks(links, trusted, ends))
    links = _linked(links, forks)
    strangers = list(_strangers(links, ends))
    foreign = forks + strangers
    links = _linked(links, strangers)
    places = links.places()
    moved = _moved(links, places)
    order = _in_order(links.lines, places, moved)
    return [
        *(Blame(Code.DUPLICATED, line, "is in the file more than once") for line in copies),
        *(Blame(Code.INSERTED, line, "is no part of the chain around it") for line in foreign),
        *(Blame(Code.REORDERED, line, f"belongs at seq {places[line]}") for line in moved),
        *breaks(order, links, places, damaged, trusted, forged, start),
    ]


def _linked(links: Links, gone: Sequence[Line]) -> Links:
    """The links without the lines that have gone; the same ones when none has."""
    return Links(_without(links.lines, gone)) if gone else links


def _without(lines: Sequence[Line], gone: Sequence[Line]) -> Sequence[Line]:
    leaving = set(gone)
    return [line for line in lines if line not in leaving] if leaving else lines


def _copies(lines: Sequence[Line]) -> Iterator[Line]:
    """All but one of the lines with equal bytes; the one that follows the line it names stays."""
    above = {line: before.hash for before, line in pairwise(lines)}
    equal: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        equal[line.hash].append(line)
    for same in equal.values():
        keeper = next((line for line in same if above.get(line) == line.prev), same[0])
        yield from (line for line in same if line is not keeper)


def _forks(links: Links, trusted: frozenset[Line], ends: frozenset[Line]) -> Iterator[Line]:
    """Lines that name an end, or the same line as another one with more behind it; and all behind them."""
    losers = [line for end in ends for line in links.children.get(end.hash, [])]
    rivals = [siblings for siblings in links.children.values() if len(siblings) > 1]
    depths = links.depths() if rivals else {}
    for siblings in rivals:
        keeper = max(siblings, key=lambda line: (depths[line], line in trusted, -line.number))
        losers += [line for line in siblings if line is not keeper]
    while losers:
        line = losers.pop()
        losers += links.children.get(line.hash, [])
        yield line


def _strangers(links: Links, ends: frozenset[Line]) -> Iterator[Line]:
    """Lines between two that name each other, or after the last, that are linked to nothing elsewhere."""
    lines, roots = links.lines, links.roots()
    spans: dict[Line, tuple[int, int]] = {}
    for index, line in enumerate(lines):
        first, _ = spans.get(roots[line], (index, index))
        spans[roots[line]] = (first, index)
    reach = _reach(lines, ends)
    for line in lines:
        first, last = spans[roots[line]]
        if reach[first] > last:
            yield line


def _reach(lines: Sequence[Line], ends: frozenset[Line]) -> list[int]:
    """For every index, the furthest line whose parent is before it; past the end after an end."""
    at = {line.hash: index for index, line in enumerate(lines)}
    furthest = [0] * (len(lines) + 1)
    for index, line in enumerate(lines):
        parent = -1 if is_first(line) else at.get(line.prev, index)
        furthest[parent + 1] = max(furthest[parent + 1], index)
        if line in ends:
            furthest[index + 1] = len(lines)
    return list(accumulate(furthest, max))


def _moved(links: Links, places: Mapping[Line, int]) -> list[Line]:
    """The fewest lines whose removal puts the others in order, among those whose place is certain."""
    certain = [line for line in links.lines if links.rooted(line) or links.named(line)]
    stay = _longest_rise([places[line] for line in certain])
    return [line for index, line in enumerate(certain) if index not in stay]


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """The indexes of a longest rising subsequence."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        length = bisect_left(tops, number)
        tops[length:] = [number] if length == len(tops) else [number, *tops[length + 1 :]]
        ends[length:] = [index] if length == len(ends) else [index, *ends[length + 1 :]]
        before.append(ends[length - 1] if length else -1)
    rise: set[int] = set()
    step = ends[-1] if ends else -1
    while step >= 0:
        rise.add(step)
        step = before[step]
    return rise


def _in_order(lines: Sequence[Line], places: Mapping[Line, int], moved: Sequence[Line]) -> list[Line]:
    """The lines as they must have stood: moved ones back in place, the others as they are."""
    waiting = sorted(moved, key=places.__getitem__, reverse=True)
    order: list[Line] = []
    for line in _without(lines, moved):
        while waiting and places[waiting[-1]] < places[line]:
            order.append(waiting.pop())
        order.append(line)
    return order + waiting[::-1]
