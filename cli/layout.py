"""Text for screens: outside strings made harmless, tables that fit. Pure.

What others chose (reasons, names, ARNs, error texts) may hold escape sequences that rewrite a terminal, marks
that reorder text, and line ends that forge a line of ours. None of those is printed: `clean` shows them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control, format (bidi and invisible), surrogate and line-separating characters."""

_GAP = "  "
_NARROWEST = 8
"""Columns below which no cell is cut."""
_TELLING = 16
"""Columns that tell something of a cell; spare columns go before others get fewer."""
_INDENT = 4
"""Columns before what stands below a row."""


def clean(text: str) -> str:
    """`text` on one line, every character that does something rather than be seen shown as its escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def columns(text: str) -> int:
    """How many terminal columns `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns, the last of them `…` if something had to go."""
    if columns(text) <= width:
        return text
    kept, room = [], width - 1
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…"


def tail(text: str, width: int) -> str:
    """`text` in at most `width` columns: of an ARN or a person's key `role/session` or the name.

    If neither fits, its last columns after a `…`, because its end is what tells.
    """
    name = text.rpartition(":")[2]
    for short in (text, name, name.partition("/")[2], name.rpartition("/")[2]):
        if short and columns(short) <= width:
            return short
    kept, room = "", width - 1
    for character in reversed(text):
        room -= _columns(character)
        if room < 0:
            break
        kept = character + kept
    return f"…{kept}"


def wrapped(text: str, width: int) -> list[str]:
    """Cleaned `text` in indented lines of at most `width` columns, broken between words where that can be."""
    room, lines, line = max(width - _INDENT, 1), list[str](), ""
    for word in clean(text).split(" "):
        rest = word
        if line and columns(line) + 1 + columns(word) > room:
            lines.append(line)
            line = ""
        while columns(rest) > room:
            head = cut(rest, room + 1)[:-1] or rest[0]
            lines.append(head)
            rest = rest[len(head) :]
        line = f"{line} {rest}" if line else rest
    return [" " * _INDENT + each for each in [*lines, line] if each]


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    whole: Collection[int] = (),
    *,
    spare: Sequence[int] = (),
    below: bool = False,
) -> list[str]:
    """Aligned lines, headings first, the cells cleaned. All that follows is about those of a `width`.

    With `below`, what the last column holds goes below its row, whole, when not all lines fit. Then columns
    in `spare`, by index, are left out, the first first, for as long as others would tell too little. Then the
    widest columns are cut until a line fits, down to 8 columns each; never those in `whole`, because what
    people copy from them must be all there.
    """
    cells = [[clean(cell) for cell in row] for row in (headings, *rows)]
    if width is None:
        return [_line(row, _widths(cells)) for row in cells]
    under = [""] * len(cells)
    if below and _total(_widths(cells)) > width:
        under = ["", *(row[-1] for row in cells[1:])]
        cells = [row[:-1] for row in cells]
    kept = _kept(_widths(cells), width, whole, spare)
    cells = [[row[index] for index in kept] for row in cells]
    widths = _fitting(_widths(cells), width, {kept.index(index) for index in whole if index in kept})
    pairs = zip(cells, under, strict=True)
    return [line for row, more in pairs for line in (_line(row, widths), *wrapped(more, width))]


def fixed(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells in columns of at least these widths, cleaned; the last has no width."""
    *most, last = [clean(cell) for cell in cells]
    padded = (cell + " " * (width - columns(cell)) for cell, width in zip(most, widths, strict=True))
    return _GAP.join((*padded, last)).rstrip()


def labelled(lines: Sequence[tuple[str, str]]) -> list[str]:
    """Label and text per line, the texts aligned and cleaned."""
    widest = max((columns(label) for label, _ in lines), default=0)
    return [f"{label}{' ' * (widest - columns(label))}{_GAP}{clean(text)}" for label, text in lines]


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(columns(cell) for cell in column) for column in zip(*cells, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _kept(widths: Sequence[int], width: int, whole: Collection[int], spare: Sequence[int]) -> list[int]:
    telling = [each if index in whole else min(each, _TELLING) for index, each in enumerate(widths)]
    kept = list(range(len(widths)))
    for index in spare:
        if _total([telling[each] for each in kept]) <= width:
            break
        kept.remove(index)
    return kept


def _fitting(widths: list[int], width: int, whole: Collection[int]) -> list[int]:
    fitted = list(widths)
    may_shrink = [index for index in range(len(fitted)) if index not in whole]
    for _ in range(max(_total(fitted) - width, 0)):
        widest = max(may_shrink, key=fitted.__getitem__, default=None)
        if widest is None or fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    fitted = [cut(cell, width) for cell, width in zip(row, widths, strict=True)]
    padded = (cell + " " * (width - columns(cell)) for cell, width in zip(fitted, widths, strict=True))
    return _GAP.join(padded).rstrip()


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _UNPRINTABLE:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
