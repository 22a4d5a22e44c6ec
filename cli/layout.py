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


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, whole: Collection[int] = ()
) -> list[str]:
    """Aligned lines, headings first, the cells cleaned.

    With a `width`, the widest columns are cut until a line fits, down to 8 columns each; never those in
    `whole`, by index, because what people copy from them must be all there.
    """
    cells = [[clean(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(columns(cell) for cell in column) for column in zip(*cells, strict=True)]
    if width is not None:
        widths = _fitting(widths, width, whole)
    return [_line(row, widths) for row in cells]


def fixed(cells: Sequence[str], widths: Sequence[int], width: int | None) -> str:
    """Cells in columns of these widths, cleaned and cut; the last has what is left of `width`, or no end."""
    *most, last = [clean(cell) for cell in cells]
    line = _line(most, widths)
    line += " " * (sum(widths) + len(_GAP) * len(widths) - columns(line))
    return (line + (last if width is None else cut(last, max(width - columns(line), _NARROWEST)))).rstrip()


def labelled(lines: Sequence[tuple[str, str]]) -> list[str]:
    """Label and text per line, the texts aligned and cleaned."""
    widest = max((columns(label) for label, _ in lines), default=0)
    return [f"{label}{' ' * (widest - columns(label))}{_GAP}{clean(text)}" for label, text in lines]


def _fitting(widths: list[int], width: int, whole: Collection[int]) -> list[int]:
    fitted = list(widths)
    may_shrink = [index for index in range(len(fitted)) if index not in whole]
    spare = sum(fitted) + len(_GAP) * (len(fitted) - 1) - width
    for _ in range(max(spare, 0)):
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
