"""`frozen`: values as dataclasses, made in a tenth of the time.

For every frozen dataclass Python 3.11 compiles six methods: 0.9 ms of a start for each of the 170 that a door
needs. Here nothing is compiled, because the methods go over the fields. Values behave as with
`dataclass(frozen=True, slots=True, kw_only=True)`, to which a test holds them, and come to be as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")
_Fields = tuple[Field[Any], ...]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """`cls` as a frozen, slotted dataclass whose fields are given by their names.

    What the class defines itself stays as it is, and its `__post_init__` is called.
    """
    cls.__doc__ = cls.__doc__ or cls.__name__  # else its signature is looked for, which takes 2 ms
    made: type[Any] = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=True)(cls)
    own, stated = vars(cls), fields(made)
    methods: list[Callable[..., Any]] = [
        _initialiser(made, stated),
        *_comparison(stated),
        _representation(stated),
    ]
    for method in (*methods, *_UNCHANGING):
        if own.get(method.__name__) is None:  # None is the `__hash__` of who defines `__eq__`
            setattr(made, method.__name__, method)
    return made


def _initialiser(cls: type[Any], stated: _Fields) -> Callable[..., None]:
    puts = {each.name: getattr(cls, each.name).__set__ for each in stated}
    defaults = {each.name: each.default for each in stated if each.default is not MISSING}
    factories = {each.name: each.default_factory for each in stated if each.default_factory is not MISSING}
    steps, count = tuple(puts.items()), len(puts)
    after = getattr(cls, "__post_init__", None)

    def __init__(self: object, /, **given: Any) -> None:
        if len(given) != count:
            made = {name: make() for name, make in factories.items() if name not in given}
            given = {**defaults, **made, **given}
        try:
            for name, put in steps:
                put(self, given[name])
        except KeyError as missing:
            raise TypeError(f"{cls.__qualname__} needs {missing}") from None
        if len(given) != count:
            raise TypeError(f"{cls.__qualname__} has no {', '.join(sorted(given.keys() - puts.keys()))}")
        if after is not None:
            after(self)

    return __init__


def _comparison(stated: _Fields) -> tuple[Callable[..., bool], Callable[..., int]]:
    key = _key([each.name for each in stated if each.compare])

    def __eq__(self: object, other: object) -> bool:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:
        return hash(key(self))

    return __eq__, __hash__


def _key(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """What gives the values of these attributes, always as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _representation(stated: _Fields) -> Callable[[object], str]:
    names = [each.name for each in stated if each.repr]

    def __repr__(self: object) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def __setattr__(self: object, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def __delattr__(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def __setstate__(self: object, state: tuple[None, dict[str, Any]]) -> None:
    """For copies and pickles, which set what `object` says there is."""
    for name, value in state[1].items():
        object.__setattr__(self, name, value)


_UNCHANGING: tuple[Callable[..., Any], ...] = (__setattr__, __delattr__, __setstate__)
