"""How often Python searches for cycles of garbage: seldom in a command, as usual while one serves.

By default every 700 objects, which for the modules of a door is 180 searches that find next to nothing: a
twentieth of its start.
"""

from __future__ import annotations

import gc

_SELDOM = 50_000
"""Objects between two searches. They keep a few megabytes at most from being found."""

_USUAL = gc.get_threshold()


def search_seldom() -> None:
    """For a command, which ends before garbage matters."""
    gc.set_threshold(_SELDOM, *_USUAL[1:])


def search_as_usual() -> None:
    """For what stays: its memory is promised."""
    gc.set_threshold(*_USUAL)


def search_no_more() -> None:
    """For the end: the interpreter's last searches go through everything, and take as long as `--version`."""
    gc.freeze()
