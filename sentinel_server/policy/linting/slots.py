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
        self._entries = tuple(parts.values())
        self._free = free
        self._negated = one_of(n for n, entries in enumerate(self._entries) if entries & negated)
        self._trusted = tuple(trusted)
        self._patterns: dict[tuple[Shape, ...], Patterns] = {}
        self._found: dict[object, list[Option]] = {}

    def options(self, sort: Sort, required: frozenset[str]) -> list[Option]:
        """Words for people of this sort that fit all of `required`. Raises Undecided when too many."""
        words = self._given(sort)
        alphabet, shapes = self._frame(sort)
        key = (words, shapes, required)
        if key not in self._found:
            patterns = self._over(alphabet, shapes)
            needed = [len(shapes) + self._texts.index(text) for text in required]
            if words is None:
                self._found[key] = self._chosen(patterns, len(shapes), needed)
            else:
                fitting = [(word, patterns.fits(word)) for word in words]
                wanted = one_of(needed)
                self._found[key] = [
                    (word, self._left(fits, len(shapes))) for word, fits in fitting if fits & wanted == wanted
                ]
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

    def _chosen(self, patterns: Patterns, shapes: int, needed: list[int]) -> list[Option]:
        unwanted = (1 << shapes) - 2
        found = patterns.words([0, *needed], self._negated << shapes)
        return [(word.text, self._left(word.fits, shapes)) for word in found if not word.fits & unwanted]

    def _left(self, fits: int, shapes: int) -> int:
        left = self._free
        for number in bits(fits >> shapes):
            left |= self._entries[number]
        return left
