"""Two texts side by side, as a unified diff that differs whenever the bytes do. Pure."""

from __future__ import annotations

import difflib

import click

from cli.layout import clean

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def unified(old: bytes | None, new: bytes, was: str, now: str) -> list[str]:
    """The lines of a unified diff from `old` to `new`; none when they are the same bytes.

    Whatever a terminal would obey is shown as its escape, so a changed line end is seen, too.
    """
    found = difflib.unified_diff(_lines(old or b""), _lines(new), clean(was), clean(now), lineterm="\n")
    shown = []
    for index, line in enumerate(found):
        shown.append(line.rstrip("\n") if index < 2 else clean(line.removesuffix("\n")))
        if not line.endswith("\n"):
            shown.append("\\ No newline at end of file")
    return shown


def coloured(line: str, *, heading: bool = False) -> str:
    """A line of a diff as terminals show it; click takes the colour out elsewhere."""
    if heading:
        return click.style(line, bold=True)
    return click.style(line, fg=_COLOURS[line[0]]) if line[:1] in _COLOURS else line


def _lines(data: bytes) -> list[str]:
    """Lines with their ends; bytes that are no UTF-8 stay apart, as characters that `clean` escapes."""
    *whole, last = data.decode("utf-8", "surrogateescape").split("\n")
    lines = [f"{line}\n" for line in whole]
    return [*lines, last] if last else lines
