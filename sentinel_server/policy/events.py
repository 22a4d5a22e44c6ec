"""YAML as a bounded tree of text with positions, and nothing that YAML adds to that.

The tree is built from PyYAML's event stream: libyaml's when PyYAML was built with it, as its wheels are, else
that of its own scanner and parser, which is ten times slower. What one makes of a text the other does too, or
refuses it; a test holds them together. There is no resolver, so `17:30`, `no` and `0123` stay the text they
are, and no constructor, so a tag can make nothing. Size, depth, aliases and tags are refused on the events,
before anything is composed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from yaml._yaml import Mark as CMark

MAX_BYTES = 64 * 1024
"""The largest document that is looked at. SSM parameters end at 8 KiB."""
MAX_DEPTH = 32
"""How deep lists and mappings may nest."""
MAX_NODES = 8_000
"""How many texts, lists and mappings a document may hold: what bounds the time it takes to read."""

# Control characters, and the invisible ones that make text read as what it is not (CVE-2021-42574). Tabs are
# among them because YAML allows them in some places only, and no two readers agree in which.
_UNSAFE = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
    "|\r(?!\n)"
)


@frozen
class Mark:
    """A place in the text, counted from 1."""

    line: int
    column: int


START = Mark(line=1, column=1)
"""Where a document begins."""


@frozen
class Scalar:
    """One text; `plain` when it was written without quotes."""

    mark: Mark
    text: str
    plain: bool


@frozen
class Items:
    """A list."""

    mark: Mark
    nodes: tuple[Node, ...]


@frozen
class Entries:
    """A mapping as written: in order, keys not yet compared."""

    mark: Mark
    pairs: tuple[tuple[Node, Node], ...]


Node = Scalar | Items | Entries


class Unreadable(Exception):
    """Why no tree can be made of the text, and where."""

    def __init__(self, message: str, mark: Mark, suggestion: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark
        self.suggestion = suggestion


Take = Callable[[], yaml.Event]
"""Gives the next event."""


def own_events(text: str) -> Take:
    """The events by PyYAML's own first three stages, without the two that give text a meaning."""
    return cast("Take", _Stream(text).get_event)


def libyaml_events(text: str) -> Take:
    """The events by libyaml. Raises ImportError when PyYAML was built without it."""
    from yaml._yaml import CParser

    return cast("Take", CParser(text).get_event)


HAS_LIBYAML: bool = yaml.__with_libyaml__
"""Whether PyYAML was built with libyaml."""


def read_tree(
    data: bytes | str, events: Callable[[str], Take] = libyaml_events if HAS_LIBYAML else own_events
) -> Node | None:
    """The tree of the one document in `data`, None when it is empty. Raises Unreadable, nothing else."""
    text = _checked_text(data)
    try:
        return _Builder(events(text)).document()
    except yaml.MarkedYAMLError as error:
        at = min(_at(error.problem_mark or error.context_mark), _mark_after(text), key=_place)
        raise Unreadable(f"not YAML: {_problem(error)}", at) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise Unreadable("not YAML: a character that cannot be read", START) from error


class _Stream(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def _checked_text(data: bytes | str) -> str:
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise Unreadable(f"larger than {MAX_BYTES // 1024} KiB", START, "a policy of that size is a mistake")
    text = _decoded(data) if isinstance(data, bytes) else data
    if text.startswith("\ufeff"):
        raise Unreadable("starts with a byte order mark", START, "save it as UTF-8 without one")
    if unsafe := _UNSAFE.search(text):
        at = _mark_after(text[: unsafe.start()])
        if unsafe[0] == "\t":
            raise Unreadable("a tab", at, "indent and separate with spaces; in quotes write `\\t`")
        raise Unreadable(f"control or invisible character U+{ord(unsafe[0]):04X}", at, "delete it")
    return text


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise Unreadable(
            "not UTF-8", _mark_after(before), "save it as UTF-8 without a byte order mark"
        ) from error


def _place(mark: Mark) -> tuple[int, int]:
    return mark.line, mark.column


def _mark_after(text: str) -> Mark:
    return Mark(line=text.count("\n") + 1, column=len(text) - (text.rfind("\n") + 1) + 1)


class _Builder:
    """Builds the tree of one document from its events."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._left = MAX_NODES

    def document(self) -> Node | None:
        self._take()
        if isinstance(self._take(), yaml.StreamEndEvent):
            return None
        node = self._node(self._take(), 1)
        self._take()
        after = self._take()
        if not isinstance(after, yaml.StreamEndEvent):
            raise Unreadable("a second document", _at(after.start_mark), "a file holds one policy")
        return node

    def _node(self, event: yaml.Event, depth: int) -> Node:
        mark = _at(event.start_mark)
        _refuse_extras(event, mark)
        self._left -= 1
        if self._left < 0:
            raise Unreadable(f"more than {MAX_NODES} entries", mark, "a policy of that size is a mistake")
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(mark=mark, text=event.value, plain=not event.style)
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested more than {MAX_DEPTH} deep", mark)
        inner = tuple(self._inner(depth + 1))
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(mark=mark, nodes=inner)
        return Entries(mark=mark, pairs=tuple(zip(inner[::2], inner[1::2], strict=True)))

    def _inner(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := self._take(), yaml.CollectionEndEvent):
            yield self._node(event, depth)


def _refuse_extras(event: yaml.Event, mark: Mark) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise Unreadable(
            f"alias `*{str(event.anchor)[:60]}`",
            mark,
            "write the value out, or quote a name that starts with *",
        )
    if getattr(event, "anchor", None) is not None:
        raise Unreadable("an anchor (`&`)", mark, "write the value out where it is used")
    if getattr(event, "tag", None) is not None:
        raise Unreadable("a tag (`!`)", mark, "policies are plain text; remove the tag or quote the value")


def _at(mark: yaml.Mark | CMark | None) -> Mark:
    return START if mark is None else Mark(line=mark.line + 1, column=mark.column + 1)


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(filter(None, (error.context, error.problem)))
    return " ".join("".join(c if c.isprintable() else "?" for c in said).split())[:200]
