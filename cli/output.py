"""What the command line says. stdout is data, stderr is talk with the prefix `sentinel: `.

Text from outside is cleaned before anybody sees it, except in JSON, which is ASCII with escapes of its own.
Colour is for terminals only; click takes it out elsewhere, and with `ctx.color = False`.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

import click

from cli.layout import clean, labelled, table
from cli.streams import flush_or_forget
from sentinel_server.errors import BadInput, SentinelError

__all__ = [
    "aside",
    "clean",
    "confirm",
    "csv_line",
    "fail",
    "json_line",
    "note",
    "plain_line",
    "progress",
    "screen_width",
    "show_csv",
    "show_json",
    "show_lines",
    "show_table",
]

_PATIENCE = 1.0
"""Seconds of work before a spinner appears."""

_FORMULA = ("=", "+", "-", "@")
"""What makes a spreadsheet compute a cell instead of showing it."""


def note(text: str, more: Sequence[str] = ()) -> None:
    """One line of talk, and `more` that belong to it. A stderr that is gone changes nothing of what we do."""
    _talk("\n".join([f"sentinel: {clean(text)}", *(f"  {clean(line)}" for line in more)]))


def fail(error: SentinelError) -> None:
    """The one message of a failure: what and why, then the next command. Further lines are indented."""
    first, *more = error.message.split("\n")
    lines = [f"sentinel: {clean(first)}", *(f"  {clean(line)}" for line in more)]
    if error.hint:
        lines.append(f"sentinel: next: {clean(error.hint)}")
    _talk("\n".join(lines))


def show_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    whole: Collection[int] = (),
    *,
    spare: Sequence[int] = (),
    below: bool = False,
) -> None:
    """A table for people, fitted to the terminal as `layout.table` says, and whole where there is none."""
    top, *lines = table(headings, rows, _width(sys.stdout), whole, spare=spare, below=below)
    _print(click.style(top, bold=True))
    for line in lines:
        _print(line)


def show_lines(lines: Sequence[tuple[str, str]]) -> None:
    """Labels and texts for people, one pair a line."""
    for line in labelled(lines):
        _print(line)


def show_json(value: object) -> None:
    """A value for programs, indented."""
    import json

    _print(json.dumps(value, indent=2))


def show_csv(names: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Rows for programs, the names first; see `csv_line`."""
    _print(csv_line(names))
    for row in rows:
        _print(csv_line([row.get(name) for name in names]))


def json_line(value: object) -> str:
    """A value on one line."""
    import json

    return json.dumps(value)


def csv_line(values: Sequence[object]) -> str:
    """Values as one record of RFC 4180, without its end; None is empty.

    Texts are cleaned, and those a spreadsheet would compute begin with an apostrophe.
    """
    import csv
    import io

    record = io.StringIO()
    csv.writer(record, lineterminator="").writerow([_cell(value) for value in values])
    return record.getvalue()


def plain_line(row: Sequence[str]) -> str:
    """A row on one line, its cells cleaned and not aligned."""
    return "  ".join(clean(cell) for cell in row)


def confirm(question: str) -> None:
    """Come back when a person at the terminal says yes. Raises SentinelError when not.

    Raises BadInput where there is no terminal to ask on. Commands skip this for `--yes`.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput("this needs a yes, and there is no terminal to ask on", hint="add --yes")
    with interruptible():
        yes = click.confirm(clean(f"sentinel: {question}"), default=False, err=True)
    if not yes:
        raise SentinelError("not confirmed, so nothing was changed")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end what blocks: asyncio's handler only asks its main task, which waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress(text: str, *, patience: float = _PATIENCE, stream: TextIO | None = None) -> Iterator[None]:
    """Turn a spinner on stderr while the body runs, if that takes over `patience` seconds.

    Only on a terminal; wiped when done. Nothing else may write to the terminal meanwhile.
    """
    target = sys.stderr if stream is None else stream
    if not target.isatty():
        yield
        return
    done = threading.Event()
    spinner = threading.Thread(target=_spin, args=(target, clean(text), patience, done), daemon=True)
    spinner.start()
    try:
        yield
    finally:
        done.set()
        spinner.join()


@contextmanager
def aside() -> Iterator[None]:
    """Keep spinners from the terminal while the body talks to the person on stderr."""
    with _speaking:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        yield


_speaking = threading.Lock()


def _spin(stream: TextIO, text: str, patience: float, done: threading.Event) -> None:
    if done.wait(patience):
        return
    for hand in itertools.cycle("|/-\\"):
        if _speaking.acquire(blocking=False):
            stream.write(f"\r\x1b[K{hand} {text} ")
            stream.flush()
            _speaking.release()
        if done.wait(0.1):
            break
    stream.write("\r\x1b[K")
    stream.flush()


def _talk(text: str) -> None:
    try:
        click.echo(_encodable(text, sys.stderr), err=True)
    except OSError:
        flush_or_forget(sys.stderr)


def _print(text: str) -> None:
    click.echo(_encodable(text, sys.stdout))


def _encodable(text: str, stream: TextIO) -> str:
    """`text` with escapes for what the stream's encoding does not have."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = clean(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def screen_width() -> int | None:
    """Columns of the terminal that stdout is; None when it is none."""
    return _width(sys.stdout)


def _width(stream: TextIO) -> int | None:
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError, AttributeError):
        return None
