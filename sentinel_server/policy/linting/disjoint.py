"""One set out of each of several lists, so that all of them together have nothing in common."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel_server.policy.linting.globs import Undecided

STEPS = 50_000
"""Tries after which the question counts as undecided."""


def disjoint(lists: Sequence[Sequence[int]], among: int) -> tuple[int, ...] | None:
    """The place of the chosen set in each list; None when whatever is chosen has a bit of `among` in common.

    Sets are masks. Raises Undecided after `STEPS` tries.
    """
    return _Search(lists).choose(among)


class _Search:
    def __init__(self, lists: Sequence[Sequence[int]]) -> None:
        self._order = sorted(range(len(lists)), key=lambda number: len(lists[number]))
        self._lists = [lists[number] for number in self._order]
        self._failed: set[tuple[int, int]] = set()
        self._steps = 0
        # What the lists from each place on have in common, whatever is chosen.
        self._sure = [-1]
        for sets in reversed(self._lists):
            common = self._sure[0]
            for each in sets:
                common &= each
            self._sure.insert(0, common)

    def choose(self, among: int) -> tuple[int, ...] | None:
        found = self._after(0, among)
        if found is None:
            return None
        at = dict(zip(self._order, found, strict=True))
        return tuple(at[number] for number in range(len(at)))

    def _after(self, place: int, left: int) -> list[int] | None:
        """The choices from `place` on that leave nothing of `left`."""
        if left & self._sure[place] or (place, left) in self._failed:
            return None
        if place == len(self._lists):
            return []
        tried = set()
        for number, each in enumerate(self._lists[place]):
            rest = left & each
            if rest not in tried:
                tried.add(rest)
                self._count()
                if (found := self._after(place + 1, rest)) is not None:
                    return [number, *found]
        self._failed.add((place, left))
        return None

    def _count(self) -> None:
        self._steps += 1
        if self._steps > STEPS:
            raise Undecided
