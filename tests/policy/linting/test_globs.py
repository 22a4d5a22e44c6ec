"""Words are few, and stand for all others."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.policy.linting.disjoint import STEPS, disjoint
from sentinel_server.policy.linting.globs import (
    Item,
    Least,
    Patterns,
    Undecided,
    alphabet,
    bits,
    glob,
    one_of,
)

LETTERS = "abx"
ANY = glob("*")
WORDS = ["".join(word) for length in range(6) for word in itertools.product(LETTERS, repeat=length)]


def means(pattern: str, word: str) -> bool:
    """What `*` and `?` mean, by the regular expression of the evaluator's kind."""
    return bool(re.fullmatch("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), word))


def patterns() -> st.SearchStrategy[list[str]]:
    """Up to four patterns over two letters."""
    return st.lists(st.text("ab*?", min_size=1, max_size=5), min_size=1, max_size=4, unique=True)


@given(patterns())
def test_a_word_fits_what_a_regular_expression_says(globs: list[str]) -> None:
    machine = Patterns([glob(each) for each in globs], LETTERS)
    for word in WORDS[:121]:
        assert machine.fits(word) == one_of(n for n, each in enumerate(globs) if means(each, word))


@given(patterns(), st.integers(0, 15))
def test_for_every_word_there_is_one_that_fits_no_more(globs: list[str], negated: int) -> None:
    """The letter `x` is in no pattern, so it stands for all letters that are not."""
    negated &= (1 << len(globs)) - 2
    machine = Patterns([glob(each) for each in globs], LETTERS)
    found, whole = machine.words([0], negated)
    assert whole
    assert all(machine.fits(word.text) == word.fits and word.fits & 1 for word in found)
    for word in WORDS:
        fits = machine.fits(word)
        if fits & 1:
            assert any(each.fits & ~fits == 0 and (each.fits ^ fits) & negated == 0 for each in found), word


def test_where_every_character_matters_all_are_tried() -> None:
    digits = Item("01")
    shapes = [(digits, digits), glob("0*"), glob("?0"), glob("10")]
    found, _ = Patterns(shapes, "01").words([0], negated=0)
    assert {(word.text, word.fits) for word in found} >= {("11", 1)}


def test_when_there_are_too_many_ways_some_are_tried_and_it_is_said() -> None:
    globs = [f"*{chr(97 + n)}*{chr(97 + n)}*" for n in range(20)]
    machine = Patterns([ANY, *map(glob, globs)], alphabet(globs, "x"))
    found, whole = machine.words([0], negated=(1 << 21) - 2)
    assert not whole
    assert all(machine.fits(word.text) == word.fits for word in found)


def test_an_alphabet_has_every_letter_that_is_named_and_one_that_is_not() -> None:
    found = alphabet(["ü*", "一?"], "ab")
    assert set("abü一") < set(found)
    assert len(set(found)) == len(found) == 5


@given(st.integers(0, 2**70))
def test_bits_and_masks_are_inverse(mask: int) -> None:
    assert one_of(bits(mask)) == mask


@given(st.lists(st.integers(0, 63)), st.integers(0, 63))
def test_the_least_keep_something_below_everything(masks: list[int], negated: int) -> None:
    least = Least(negated)
    kept = [mask for mask in masks if least.add(mask)]
    for mask in masks:
        assert any(each & ~mask == 0 and (each ^ mask) & negated == 0 for each in kept)


@given(st.lists(st.lists(st.integers(0, 31), max_size=4), min_size=1, max_size=4), st.integers(0, 31))
def test_a_choice_with_nothing_in_common_is_found_if_there_is_one(lists: list[list[int]], among: int) -> None:
    def common(chosen: tuple[int, ...]) -> int:
        left = among
        for mask in chosen:
            left &= mask
        return left

    possible = any(common(chosen) == 0 for chosen in itertools.product(*lists))
    found = disjoint(lists, among)
    assert (found is not None) == possible
    if found is not None:
        assert common(tuple(sets[place] for sets, place in zip(lists, found, strict=True))) == 0


def test_a_search_that_takes_too_long_is_undecided() -> None:
    # Every list can clear any one of its own bits, and one bit is in all of them unless all are cleared.
    width = 18
    full = (1 << 3 * width) - 1
    lists = [[full & ~(1 << bit) for bit in range(3 * width)] for _ in range(width)]
    with pytest.raises(Undecided):
        disjoint(lists, full)
    assert STEPS < 10**6
