"""How often Python searches for cycles of garbage: seldom in a command, as usual while one serves.

By default it does so every 700 objects: 180 times while the modules of a door are loaded, and nearly all that
it looks at stays for good. That was a twentieth of a start.
"""

from __future__ import annotations

import gc

_SELDOM = 100_000
"""Objects between two searches: more than any start makes, and some ten megabytes when they are garbage."""

_USUAL = gc.get_threshold()


def search_seldom() -> None:
    """For a command, which ends before garbage matters."""
    gc.set_threshold(_SELDOM, *_USUAL[1:])


def search_as_usual() -> None:
    """For what stays, whose memory is promised; what is loaded by now is left out of every search."""
    if gc.get_threshold() != _USUAL:
        gc.freeze()
        gc.set_threshold(*_USUAL)


def search_no_more() -> None:
    """For the end: the interpreter's last searches go through everything, and take as long as `--version`."""
    gc.freeze()
