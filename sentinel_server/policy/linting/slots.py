"""One part of an ARN: the words it can be, told apart by the entries of `users` that still fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel_server.identity.principal import Kind
from sentinel_server.policy.linting.arns import (
    A_NAME,
    ACCOUNT,
    DIGITS,
    NAME,
    PATH,
    PATH_PART,
    ROLES,
    SSO_ROLE,
    fixed,
)
from sentinel_server.policy.linting.globs import Patterns, Shape, bits, glob, one_of
from sentinel_server.policy.match import NAMED_BARE

ACCOUNT_PLACE = 3


@dataclass(frozen=True, slots=True)
class Sort:
    """What is settled first about somebody; `form` is what separates the parts of the ARN's resource."""

    kind: Kind
    form: str
    trusted: bool

    @property
    def last(self) -> int:
        """The place of the part that is the name."""
        return 4 + len(self.form)


Option = tuple[str, int]
"""A word, and the entries that it leaves possible, a bit for each."""


class Slot:
    """The part at `place` of ARNs that are separated in one way.

    `parts` says which entries ask for what here, `free` are the entries that ask for nothing, `negated` those
    that count in negations.
    """

    def __init__(
        self, place: int, parts: Mapping[str, int], free: int, negated: int, trusted: Sequence[str]
    ) -> None:
        self._place = place
        self._texts = tuple(parts)
        self._numbers = {text: number for number, text in enumerate(parts)}
        self._entries = tuple(parts.values())
        self._free = free
        self._negated = one_of(n for n, entries in enumerate(self._entries) if entries & negated)
        self._trusted = tuple(trusted)
        self._patterns: dict[tuple[Shape, ...], Patterns] = {}
        self._found: dict[object, tuple[list[Option], bool]] = {}

    def options(self, sort: Sort, required: frozenset[str]) -> tuple[list[Option], bool]:
        """Words for people of this sort that fit all of `required`, and whether those are all that matter."""
        words = self._given(sort)
        alphabet, shapes = self._frame(sort)
        key = (words, shapes, required)
        if key not in self._found:
            patterns = self._over(alphabet, shapes)
            needed = [len(shapes) + self._numbers[text] for text in required]
            exact = next((text for text in required if not {"*", "?"} & set(text)), None)
            if words is not None:
                self._found[key] = self._fitting(patterns, len(shapes), words, needed), True
            elif exact is not None:
                self._found[key] = self._fitting(patterns, len(shapes), (exact,), [0, *needed]), True
            else:
                self._found[key] = self._chosen(patterns, len(shapes), needed)
        return self._found[key]

    def _given(self, sort: Sort) -> tuple[str, ...] | None:
        if self._place == ACCOUNT_PLACE and sort.trusted and self._trusted:
            return self._trusted
        return fixed(sort.kind, self._place)

    def _frame(self, sort: Sort) -> tuple[str, tuple[Shape, ...]]:
        """The alphabet, the shape that words must have, and then the shapes that they must not have."""
        if self._place == ACCOUNT_PLACE:
            strange = sort.kind in NAMED_BARE and not sort.trusted
            return DIGITS, (ACCOUNT, *(map(glob, self._trusted) if strange else ()))
        if sort.kind in ROLES and self._place == 5:
            return NAME, (SSO_ROLE,) if sort.kind is Kind.SSO_ROLE else (A_NAME, SSO_ROLE)
        return (NAME, (A_NAME,)) if self._place == sort.last else (PATH, (PATH_PART,))

    def _over(self, alphabet: str, shapes: tuple[Shape, ...]) -> Patterns:
        if shapes not in self._patterns:
            self._patterns[shapes] = Patterns([*shapes, *map(glob, self._texts)], alphabet)
        return self._patterns[shapes]

    def _chosen(self, patterns: Patterns, shapes: int, needed: list[int]) -> tuple[list[Option], bool]:
        unwanted = (1 << shapes) - 2
        found, whole = patterns.words([0, *needed], self._negated << shapes)
        return [
            (each.text, self._left(each.fits, shapes)) for each in found if not each.fits & unwanted
        ], whole

    def _fitting(
        self, patterns: Patterns, shapes: int, words: tuple[str, ...], needed: list[int]
    ) -> list[Option]:
        """Those of `words` that fit what is needed."""
        wanted, fits = one_of(needed), ((word, patterns.fits(word)) for word in words)
        return [(word, self._left(each, shapes)) for word, each in fits if self._suits(each, wanted, shapes)]

    def _suits(self, fits: int, wanted: int, shapes: int) -> bool:
        unwanted = (1 << shapes) - 2 if wanted & 1 else 0
        return fits & wanted == wanted and not fits & unwanted

    def _left(self, fits: int, shapes: int) -> int:
        left = self._free
        for number in bits(fits >> shapes):
            left |= self._entries[number]
        return left
