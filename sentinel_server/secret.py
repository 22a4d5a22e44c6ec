"""A string that will not print. Its value leaves only by `reveal()`, so every use can be found by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NoReturn


class Secret:
    """Text that stays out of logs, tracebacks, `repr` and pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself; for the one place that has to send it."""
        return self._value

    def matches(self, given: bytes) -> bool:
        """Whether `given` is this text, in a time that does not tell how much of it was right."""
        return _comparer()(self._value.encode(), given)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self.matches(other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@cache
def _comparer() -> Callable[[bytes, bytes], bool]:
    """Loaded with the first comparison: OpenSSL comes with it, and no child shall wait for that."""
    from hmac import compare_digest

    return compare_digest
