"""Which line names which, among lines in file order. A hash cannot name what names it: there are no loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sentinel_server.auditlog.chain import genesis
from sentinel_server.auditlog.lines import Line


class Links:
    """The links of some lines; every line has at most one parent, the line that it names."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self._by_hash = {line.hash: line for line in lines}
        self.children: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            self.children[line.prev].append(line)

    def parent(self, line: Line) -> Line | None:
        """The line that this one names, when it is here."""
        return self._by_hash.get(line.prev)

    def named(self, line: Line) -> bool:
        """Whether some line names this one, and so vouches for its bytes."""
        return bool(self.children.get(line.hash))

    def rooted(self, line: Line) -> bool:
        """Whether the line names one that is here, or is the first of its chain."""
        return line.prev in self._by_hash or is_first(line)

    def roots(self) -> dict[Line, Line]:
        """The first line of the piece of chain that each line is in."""
        roots: dict[Line, Line] = {}
        for line in self._parents_first():
            parent = self.parent(line)
            roots[line] = line if parent is None else roots[parent]
        return roots

    def places(self) -> dict[Line, int]:
        """The number each line should have: one more than its parent; a first line's is known."""
        places: dict[Line, int] = {}
        for line in self._parents_first():
            parent = self.parent(line)
            start = first_seq(line) if is_first(line) else line.seq
            places[line] = start if parent is None else places[parent] + 1
        return places

    def depths(self) -> dict[Line, int]:
        """How many lines hang below each one, along the longest way."""
        depths = dict.fromkeys(self.lines, 0)
        for line in reversed(list(self._parents_first())):
            parent = self.parent(line)
            if parent is not None:
                depths[parent] = max(depths[parent], depths[line] + 1)
        return depths

    def _parents_first(self) -> Iterator[Line]:
        waiting = [line for line in reversed(self.lines) if self.parent(line) is None]
        while waiting:
            line = waiting.pop()
            yield line
            waiting += self.children.get(line.hash, [])


def is_first(line: Line) -> bool:
    """Whether the line is the first of a file: of its writer's chain, or of a further piece of it."""
    after = line.after
    if after is None:
        return line.prev == genesis(line.writer)
    return line.prev == after.hash


def first_seq(line: Line) -> int:
    """The number that a first line must have."""
    return 0 if line.after is None else line.after.seq + 1
