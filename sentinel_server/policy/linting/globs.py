"""Words that show every way in which names can meet a set of patterns.

All patterns run at once over one integer, a bit for each place in each pattern. A word is built character by
character; of all characters that mean the same to the patterns one is tried, and none that could only make
more patterns match: which patterns a name escapes is what decides whether a rule can be reached. Patterns in
negations count the other way, so their characters are tried too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

_STATES = 4000
"""Steps after which one question is given up, and in sum, those after which questions are given up sooner."""
_STATES_IN_ALL = 40_000
_FEW_STATES = 200


class Undecided(Exception):
    """The question is too large to be answered exactly."""


@dataclass(frozen=True, slots=True)
class Item:
    """One character out of `characters` (None: any), or any run of them when `run`."""

    characters: str | None
    run: bool = False


Shape = tuple[Item, ...]
"""What words must look like."""


def glob(pattern: str) -> Shape:
    """`*` is any run and `?` any one, all else itself."""
    return tuple(Item(None, run=True) if c == "*" else Item(None) if c == "?" else Item(c) for c in pattern)


@dataclass(frozen=True, slots=True)
class Word:
    """A name, and which patterns it fits, a bit for each by its number."""

    text: str
    fits: int


class Patterns:
    """Patterns over one alphabet, whose order says which characters are preferred in words.

    Alphabets must be larger than what matters: a character that no pattern names stands for all others.
    """

    __slots__ = (
        "_all_ends",
        "_ends",
        "_groups",
        "_literal",
        "_loops",
        "_spans",
        "_spent",
        "_start",
        "_steps",
        "alphabet",
    )

    def __init__(self, shapes: Sequence[Shape], alphabet: str) -> None:
        self.alphabet = alphabet
        self._steps = dict.fromkeys(alphabet, 0)
        self._loops = dict.fromkeys(alphabet, 0)
        self._literal: dict[str, int] = {}
        self._start = 0
        self._spent = 0
        self._spans: list[int] = []
        self._ends: dict[int, int] = {}
        place = 0
        for number, shape in enumerate(shapes):
            place = self._lay_out(number, shape, place)
        self._all_ends = sum(1 << end for end in self._ends)
        self._groups = self._alike(shapes)

    def fits(self, word: str) -> int:
        """The patterns that a word fits; where it leaves the alphabet, only those that say so."""
        state = self._start
        for character in word:
            state = self._step(state, character)
        return self._accepted(state)

    def words(self, required: Collection[int], negated: int) -> tuple[list[Word], bool]:
        """Words that fit all of `required`; the shortest for each way to meet the patterns that matters.

        For any name there is one among them that fits no pattern the name does not, and of the patterns
        `negated` exactly the same. That holds only if the second answer is True; False is said when there
        are too many to be tried.
        """
        needed = [self._spans[number] for number in required]
        goal = one_of(required)
        tried = sum(self._spans[number] for number in bits(goal | negated))
        limit = _STATES if self._spent < _STATES_IN_ALL else _FEW_STATES
        best, found = Least(negated), []
        seen = {self._start}
        waiting = [(self._start, "")]
        for state, text in waiting:
            fits = self._accepted(state)
            if fits & goal == goal and best.add(fits):
                found.append(Word(text, fits))
                if fits == goal and not negated:
                    break
            for character in self._next(state, tried):
                after = self._step(state, character)
                if after not in seen and all(after & span for span in needed):
                    seen.add(after)
                    waiting.append((after, text + character))
            if len(seen) > limit:
                break
        self._spent += len(seen)
        return found, len(seen) <= limit

    def _lay_out(self, number: int, shape: Shape, place: int) -> int:
        first = place
        self._start |= 1 << place
        for item in shape:
            characters = self.alphabet if item.characters is None else item.characters
            table = self._loops if item.run else self._steps
            for character in characters:
                table[character] = table.get(character, 0) | 1 << place
            if len(characters) == 1 and not item.run:
                self._literal[characters] = self._literal.get(characters, 0) | 1 << place
            place += 0 if item.run else 1
        self._ends[place] = number
        self._spans.append((1 << place + 1) - (1 << first))
        return place + 1

    def _alike(self, shapes: Sequence[Shape]) -> list[str]:
        """The alphabet, in groups that no class of characters tells apart."""
        classes = {item.characters for shape in shapes for item in shape if item.characters}
        wide = [set(each) for each in sorted(classes) if len(each) > 1]
        groups: dict[tuple[bool, ...], str] = {}
        for character in self.alphabet:
            key = tuple(character in each for each in wide)
            groups[key] = groups.get(key, "") + character
        return list(groups.values())

    def _next(self, state: int, tried: int) -> Iterator[str]:
        """The characters worth trying: those that patterns in `tried` ask for, and one that nobody does."""
        active = {character: here for character, places in self._literal.items() if (here := places & state)}
        for group in self._groups:
            other = next((character for character in group if character not in active), None)
            if other is None:
                yield from group
                continue
            yield other
            yield from (c for c in group if c in active and active[c] & tried)

    def _step(self, state: int, character: str) -> int:
        return (state & self._steps.get(character, 0)) << 1 | state & self._loops.get(character, 0)

    def _accepted(self, state: int) -> int:
        return sum(1 << self._ends[place] for place in bits(state & self._all_ends))


def bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def one_of(numbers: Iterable[int]) -> int:
    """The mask with these bits set."""
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask


class Least:
    """Keeps the sets of bits that are contained in no other kept; those in `negated` must be the same."""

    __slots__ = ("_kept", "_negated")

    def __init__(self, negated: int = 0) -> None:
        self._kept: list[int] = []
        self._negated = negated

    def add(self, bits: int) -> bool:
        """Whether nothing kept makes `bits` superfluous, and if so, keep it."""
        same = self._negated
        for kept in self._kept:
            if kept & ~bits == 0 and (kept ^ bits) & same == 0:
                return False
        self._kept = [kept for kept in self._kept if bits & ~kept or (kept ^ bits) & same]
        self._kept.append(bits)
        return True


def alphabet(patterns: Iterable[str], preferred: str) -> str:
    """`preferred`, every character of `patterns` besides, and one that neither has."""
    named = {character for pattern in patterns for character in pattern} - {"*", "?"}
    other = next(chr(code) for code in range(0x4E00, 0x9FFF) if chr(code) not in named)
    return preferred + "".join(sorted(named - set(preferred))) + other
