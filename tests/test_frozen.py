"""A `frozen` class is to its users what the standard library's frozen, slotted dataclass is."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.frozen import frozen

T = TypeVar("T")


@frozen
class Point:
    """One that is as plain as most."""

    x: int
    y: int = 0
    marks: Mapping[str, int] = field(default_factory=dict)
    hidden: str = field(default="", repr=False)
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The same by the standard library."""

    x: int
    y: int = 0
    marks: Mapping[str, int] = field(default_factory=dict)
    hidden: str = field(default="", repr=False)
    note: str = field(default="", compare=False)


@frozen
class Sole:
    """One field only, whose values need not be equal to themselves."""

    at: float


@frozen
class Nothing:
    """None."""


@frozen
class Solid(Point):
    """One that inherits, with a field that has no default after fields that have."""

    z: int

    def __post_init__(self) -> None:
        if self.z < 0:
            raise ValueError("below the ground")


@frozen
class Box(Generic[T]):
    """One with methods of its own."""

    inside: T

    def __eq__(self, other: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "a box"


arguments = st.fixed_dictionaries(
    {"x": st.integers(0, 2)},
    optional={
        "y": st.integers(0, 2),
        "marks": st.dictionaries(st.sampled_from("ab"), st.integers(0, 1), max_size=1),
        "hidden": st.sampled_from(["", "s"]),
        "note": st.sampled_from(["", "n"]),
    },
)


@given(arguments, arguments)
def test_values_are_equal_and_shown_as_those_of_the_standard_library(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    ours, theirs = Point(**one), Model(**one)
    assert asdict(ours) == asdict(theirs)
    assert repr(ours) == repr(theirs).replace("Model", "Point")
    assert (ours == Point(**other)) is (theirs == Model(**other))
    assert asdict(replace(ours, **other)) == asdict(replace(theirs, **other))


@given(st.integers(), st.integers())
def test_values_have_the_hash_of_the_standard_library(x: int, y: int) -> None:
    marks: Any = ()
    assert hash(Point(x=x, y=y, marks=marks)) == hash(Model(x=x, y=y, marks=marks))


@pytest.mark.parametrize(
    "wrong",
    [{}, {"y": 1}, {"x": 1, "z": 2}, {"z": 1}, {"x": 1, "y": 2, "marks": {}, "hidden": "", "nota": ""}],
    ids=str,
)
@pytest.mark.parametrize("made", [Point, Model])
def test_a_field_that_is_missing_or_unknown_is_a_type_error(
    made: Callable[..., object], wrong: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        made(**wrong)


def test_a_type_error_says_which_field_it_is() -> None:
    make: Callable[..., object] = Point
    with pytest.raises(TypeError, match="Point needs 'x'"):
        make()
    with pytest.raises(TypeError, match="Point has no z, zz"):
        make(x=1, z=2, zz=3)
    with pytest.raises(TypeError, match="positional"):
        make(1)


def test_a_default_that_is_made_is_made_anew_for_each() -> None:
    assert Point(x=1).marks is not Point(x=1).marks


def test_it_cannot_be_changed_and_has_no_room_for_more() -> None:
    point: Any = Point(x=1)
    with pytest.raises(FrozenInstanceError, match="'x'"):
        point.x = 2
    with pytest.raises(FrozenInstanceError, match="'x'"):
        del point.x
    with pytest.raises(FrozenInstanceError, match="'other'"):
        point.other = 2
    assert (point.x, hasattr(point, "__dict__")) == (1, False)


def test_it_is_a_dataclass_to_those_who_ask() -> None:
    assert is_dataclass(Point)
    assert [each.name for each in fields(Point)] == [each.name for each in fields(Model)]
    assert vars(Point)["__match_args__"] == vars(Model)["__match_args__"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@pytest.mark.parametrize("value", [Point(x=1, note="n"), Solid(x=1, z=2), Sole(at=0.5), Nothing()], ids=repr)
def test_it_is_copied_and_pickled(value: object, copied: Callable[[object], object]) -> None:
    again = copied(value)
    assert again == value
    assert repr(again) == repr(value)


def test_values_of_different_classes_are_never_equal() -> None:
    other: list[object] = [Solid(x=1, z=1), Model(x=1), 1]
    assert Point(x=1) not in other
    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(())


def test_what_is_in_one_is_the_same_before_it_is_asked_for_equality() -> None:
    nan = float("nan")
    assert Sole(at=nan) == Sole(at=nan)
    assert Sole(at=nan) != Sole(at=float("nan"))


def test_one_that_inherits_is_checked_after_all_is_set() -> None:
    assert repr(Solid(z=3, x=1)) == "Solid(x=1, y=0, marks={}, note='', z=3)"
    with pytest.raises(ValueError, match="below"):
        Solid(x=1, z=-1)
    with pytest.raises(ValueError, match="below"):
        replace(Solid(x=1, z=1), z=-1)


def test_methods_of_its_own_stay() -> None:
    assert Box(inside=1) == Box(inside=2)
    assert repr(Box(inside=1)) == "a box"
    assert hash(Box(inside=1)) == hash((1,))


def test_one_without_words_has_its_name_for_them() -> None:
    @frozen
    class Wordless:
        x: int

    assert (Wordless.__doc__, Point.__doc__) == ("Wordless", "One that is as plain as most.")
    assert repr(Wordless(x=1)).endswith("Wordless(x=1)")
