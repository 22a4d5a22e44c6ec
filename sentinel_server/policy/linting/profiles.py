"""Names of profiles, as few as show every way in which one can be meant or not meant by the rules."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence

from sentinel_server.policy.linting.globs import (
    Item,
    Patterns,
    Shape,
    Word,
    alphabet,
    bits,
    glob,
    one_of,
)
from sentinel_server.policy.schema import Policy

_SOMETHING: Shape = (Item(None), Item(None, run=True))
_PREFERRED = "x" + string.ascii_lowercase.replace("x", "") + string.digits + string.ascii_uppercase


class Profiles:
    """Every name but the empty one, as the profiles of one policy's rules tell them apart."""

    def __init__(self, policy: Policy) -> None:
        meant = [rule.conditions.profiles for rule in policy.rules]
        spared = [rule.conditions.not_profiles for rule in policy.rules]
        entries = tuple(dict.fromkeys(entry for each in (*meant, *spared) for entry in each))
        self._number = {entry: number for number, entry in enumerate(entries, start=1)}
        self._meant = [self._mask(each) for each in meant]
        self._spared = [self._mask(each) for each in spared]
        self._negated = one_of(number for mask in self._spared for number in bits(mask))
        self._patterns = Patterns([_SOMETHING, *map(glob, entries)], alphabet(entries, _PREFERRED))
        self._found: dict[tuple[str, ...], tuple[list[Word], bool]] = {}

    def meant_by(self, entries: tuple[str, ...], rules: int) -> tuple[Sequence[Word], bool]:
        """Names that each of `entries` and all of `rules` mean, with the rules that mean them.

        For any other such name there is one among them that no other rules mean; that holds only if the
        second answer is True, and False is said when there are too many to try.
        """
        if entries not in self._found:
            words, whole = self._words(entries)
            self._found[entries] = [Word(word.text, self._rules(word.fits)) for word in words], whole
        words, whole = self._found[entries]
        return [word for word in words if word.fits & rules == rules], whole

    def _words(self, entries: tuple[str, ...]) -> tuple[list[Word], bool]:
        exact = next((entry for entry in entries if not {"*", "?"} & set(entry)), None)
        if exact is not None:
            return [Word(exact, self._patterns.fits(exact))], True
        return self._patterns.words([0, *(self._number[entry] for entry in entries)], self._negated)

    def _rules(self, fits: int) -> int:
        return one_of(
            rule
            for rule, (profiles, spared) in enumerate(zip(self._meant, self._spared, strict=True))
            if (not profiles or fits & profiles) and not fits & spared
        )

    def _mask(self, entries: Iterable[str]) -> int:
        return one_of(self._number[entry] for entry in entries)
