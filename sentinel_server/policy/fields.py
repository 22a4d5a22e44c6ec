"""Reading a YAML tree by position: each reader says what it wants; what it does not get is a problem.

Nothing is guessed from how a scalar looks: `no` is text in a list of users and an error in a yes-or-no field.
A reader that finds a problem notes it and answers with nothing, so that one pass finds every problem.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import TypeVar

from sentinel_server.frozen import frozen
from sentinel_server.policy.durations import format_duration, parse_duration
from sentinel_server.policy.events import Entries, Items, Node, Scalar
from sentinel_server.policy.report import Report

_NOWHERE: Mapping[str, str] = {}

Value = TypeVar("Value")
Word = TypeVar("Word", bound=Enum)


@frozen
class Field:
    """One node with the path that leads to it."""

    node: Node
    path: str
    report: Report

    def problem(self, message: str, suggestion: str = "") -> None:
        """Note a problem at this node."""
        self.report.add(self.node.mark, self.path, message, suggestion)

    def closest(self, text: str, known: Collection[str]) -> str:
        """`did you mean …?` for a word close to one of `known`, else nothing; the first few times."""
        near = self.report.closest(_plain(text), known)
        return f"did you mean `{near}`?" if near else ""

    def text(self) -> str | None:
        """One line of printable text without space around it."""
        if not isinstance(self.node, Scalar):
            self._wrong("text")
            return None
        text = self.node.text
        if not text:
            self.problem("is empty", "say something, or leave the key out")
        elif not text.isprintable():
            self.problem(f"holds a control or invisible character: `{shown(text)}`")
        elif text != text.strip():
            self.problem("starts or ends with a space")
        else:
            return text
        return None

    def prose(self, limit: int) -> str | None:
        """Text for people: folded onto one line, at most `limit` characters."""
        if not isinstance(self.node, Scalar):
            self._wrong("text")
            return None
        text = " ".join(self.node.text.split())
        if not text.isprintable():
            self.problem("holds a control or invisible character")
        elif len(text) > limit:
            self.problem(f"is longer than {limit} characters")
        elif not text:
            self.problem("is empty", "say something, or leave the key out")
        else:
            return text
        return None

    def flag(self) -> bool:
        """`true` or `false`, unquoted; False when it is neither."""
        if isinstance(self.node, Scalar) and self.node.plain and self.node.text in ("true", "false"):
            return self.node.text == "true"
        said = f"`{shown(self.node.text)}`" if isinstance(self.node, Scalar) else _kind(self.node)
        self.problem(f"{said} is neither true nor false", "write true or false")
        return False

    def word(self, words: type[Word]) -> Word | None:
        """One of the values of an enumeration, exactly as written there."""
        if (text := self.text()) is None:
            return None
        known = {word.value: word for word in words}
        if text not in known:
            self.problem(f"`{shown(text)}` is not one of {', '.join(known)}", self.closest(text, known))
        return known.get(text)

    def number(self, *, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`, both included."""
        if (text := self.text()) is None:
            return None
        if not re.fullmatch("[0-9]{1,9}", text):
            self.problem(f"`{shown(text)}` is not a whole number")
            return None
        if not low <= int(text) <= high:
            self.problem(f"{text} is not from {low} to {high}")
            return None
        return int(text)

    def duration(self, *, low: timedelta, high: timedelta) -> timedelta | None:
        """A duration from `low` to `high`, both included."""
        if (text := self.text()) is None:
            return None
        try:
            span = parse_duration(text)
        except ValueError as error:
            self.problem(f"`{shown(text)}`: {error}")
            return None
        if not low <= span <= high:
            self.problem(f"{shown(text)} is not from {format_duration(low)} to {format_duration(high)}")
            return None
        return span

    def entries(self, if_empty: str = "leave the key out") -> list[Field]:
        """The entries of a list; an empty one is a problem, and `if_empty` says what to do about it."""
        if not isinstance(self.node, Items):
            self._wrong("a list")
            return []
        if not self.node.nodes:
            self.problem("is an empty list", if_empty)
        return [self._below(node, f"[{index}]") for index, node in enumerate(self.node.nodes)]

    def distinct(self, read: Callable[[Field], Value | None]) -> tuple[Value, ...]:
        """What `read` makes of each entry; an entry that comes twice is a problem."""
        found: dict[Value, None] = {}
        for entry in self.entries():
            value = read(entry)
            if value is None:
                continue
            if value in found:
                entry.problem("is listed twice", "delete one")
            found[value] = None
        return tuple(found)

    def mapping(
        self, keys: Collection[str], *, required: Sequence[str] = (), elsewhere: Mapping[str, str] = _NOWHERE
    ) -> dict[str, Field]:
        """The fields of a mapping that may have `keys`; unknown, repeated and missing ones are problems.

        `elsewhere` says of known misplaced keys where they belong.
        """
        if not isinstance(self.node, Entries):
            self._wrong("a mapping")
            return {}
        found: dict[str, Field] = {}
        for key, value in self.node.pairs:
            if (name := self._key(key, found)) is None:
                continue
            if name not in keys:
                self._unknown(key, name, keys, elsewhere)
            else:
                found[name] = self._below(value, f".{shown(name)}" if self.path else shown(name))
        for name in required:
            if name not in found:
                self.problem(f"`{name}` is missing")
        return found

    def named(self) -> list[tuple[str, Field]]:
        """The fields of a mapping whose keys the author chooses; an empty one is a problem."""
        if isinstance(self.node, Entries) and not self.node.pairs:
            self.problem("is empty", "leave the key out")
        return list(self.mapping(_Anything()).items())

    def _below(self, node: Node, step: str) -> Field:
        return Field(node=node, path=self.path + step, report=self.report)

    def _key(self, key: Node, found: Mapping[str, Field]) -> str | None:
        if not isinstance(key, Scalar):
            self.report.add(key.mark, self.path, "a key must be text")
        elif key.text == "<<" and key.plain:
            self.report.add(key.mark, self.path, "a merge key (`<<`)", "write the keys out")
        elif key.text in found:
            self.report.add(key.mark, self.path, f"`{key.text}` is given twice", "delete one")
        else:
            return key.text
        return None

    def _unknown(self, key: Node, name: str, keys: Collection[str], elsewhere: Mapping[str, str]) -> None:
        suggestion = elsewhere.get(name) or self.closest(name, keys) or f"known here: {', '.join(keys)}"
        self.report.add(key.mark, self.path, f"unknown key `{shown(name)}`", suggestion)

    def _wrong(self, wanted: str) -> None:
        suggestion = ""
        if wanted == "a list" and isinstance(self.node, Scalar) and self.node.text.isprintable():
            suggestion = f"write it as `[{shown(self.node.text)}]`"
        self.problem(f"is {_kind(self.node)} where {wanted} is expected", suggestion)


class _Anything(tuple[str, ...]):
    """Every key is known."""

    __slots__ = ()

    def __contains__(self, key: object) -> bool:
        return True


def closest(text: str, known: Collection[str]) -> str:
    """`did you mean …?` for a word close to one of `known`, else nothing."""
    import difflib

    near = difflib.get_close_matches(_plain(text), known, n=1, cutoff=0.7)
    return f"did you mean `{near[0]}`?" if near else ""


def _plain(text: str) -> str:
    return text[:60].strip().lower().replace("-", "_").replace(" ", "_")


def shown(text: str) -> str:
    """Text from a document as a message may quote it: cut, and without anything a terminal obeys."""
    short = text if len(text) <= 60 else text[:59] + "…"
    if short.isprintable():
        return short
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)


def _kind(node: Node) -> str:
    match node:
        case Scalar(text="", plain=True):
            return "empty"
        case Scalar():
            return "text"
        case Items():
            return "a list"
        case Entries():
            return "a mapping"
