"""Finds the few rules of a policy that can be about one ask, without looking at the others.

A name is known whole, a pattern by what it begins or ends with. A rule is filed under its profiles or its
users, by whichever is rarer in the policy, and apart by the modes it names; one that names neither is filed
under *any*. What is found may still not match; what is not found cannot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from sentinel_server.policy.schema import Mode, Policy, Rule, expand


class _Part(Enum):
    """Which part of a name an entry fixes."""

    WHOLE = "whole"
    START = "start"
    END = "end"


class _Key(NamedTuple):
    """What all names have in common that an entry may mean; `of` is profile, bare or arn."""

    of: str
    part: _Part
    text: str


_WILD = ("*", "?")


class Index:
    """The places of the rules of one policy, by mode, profile and user."""

    __slots__ = ("_shelves",)

    def __init__(self, policy: Policy) -> None:
        choices = [_choices(policy, rule) for rule in policy.rules]
        often = Counter(key for both in choices for keys in both for each in keys or () for key in each)
        self._shelves: dict[Mode | None, _Shelf] = {}
        for place, (rule, both) in enumerate(zip(policy.rules, choices, strict=True)):
            keys = _rarest(both, often)
            for mode in rule.conditions.modes or (None,):
                self._shelves.setdefault(mode, _Shelf()).put(place, keys)

    def places(self, profile: str, bare: str | None, arn: str, mode: Mode) -> Sequence[int]:
        """In order, the place of every rule that may match this profile, user and mode."""
        names = [("profile", profile), ("arn", arn)]
        if bare is not None:
            names.append(("bare", bare))
        shelves = (self._shelves.get(each) for each in (None, mode))
        return sorted({place for shelf in shelves if shelf for place in shelf.find(names)})


class _Shelf:
    """Places by key. `_sizes` holds the lengths of the parts there are, so that no others are looked up."""

    __slots__ = ("_any", "_by_key", "_sizes")

    def __init__(self) -> None:
        self._any: list[int] = []
        self._by_key: dict[_Key, list[int]] = {}
        self._sizes: dict[tuple[str, _Part], set[int]] = {}

    def put(self, place: int, keys: Iterable[_Key] | None) -> None:
        """File a place under each key, None for any name."""
        if keys is None:
            self._any.append(place)
            return
        for key in keys:
            self._by_key.setdefault(key, []).append(place)
            self._sizes.setdefault((key.of, key.part), set()).add(len(key.text))

    def find(self, names: Iterable[tuple[str, str]]) -> Iterator[int]:
        """Every place that one of the names may be found at."""
        yield from self._any
        for of, name in names:
            yield from self._by_key.get(_Key(of, _Part.WHOLE, name), ())
            for size in self._sizes.get((of, _Part.START), ()):
                yield from self._by_key.get(_Key(of, _Part.START, name[:size]), ())
            for size in self._sizes.get((of, _Part.END), ()):
                yield from self._by_key.get(_Key(of, _Part.END, name[-size:]), ())


_Entries = list[list[_Key]] | None
"""For each entry of a list the keys that it could be filed under; None for a list that any name may fit."""


def _choices(policy: Policy, rule: Rule) -> tuple[_Entries, _Entries]:
    users = expand(rule.conditions.users, policy.groups)
    return (
        _entries([("profile", each) for each in rule.conditions.profiles]),
        _entries([("arn" if each.startswith("arn:") else "bare", each) for each in users]),
    )


def _entries(entries: list[tuple[str, str]]) -> _Entries:
    found = [list(_keys(of, entry)) for of, entry in entries]
    return found if found and all(found) else None


def _keys(of: str, entry: str) -> Iterator[_Key]:
    first = min((at for each in _WILD if (at := entry.find(each)) >= 0), default=-1)
    if first < 0:
        yield _Key(of, _Part.WHOLE, entry)
        return
    if first > 0:
        yield _Key(of, _Part.START, entry[:first])
    last = max(entry.rfind(each) for each in _WILD)
    if last < len(entry) - 1:
        yield _Key(of, _Part.END, entry[last + 1 :])


def _rarest(both: tuple[_Entries, _Entries], often: Counter[_Key]) -> list[_Key] | None:
    """The keys, one for each entry of one list, under which the fewest rules are filed; None for any."""
    filed = [[min(each, key=often.__getitem__) for each in entries] for entries in both if entries]
    return min(filed, key=lambda keys: sum(often[key] for key in keys), default=None)
