"""The controlling terminal: which process group it talks to, and how to change that."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

assert sys.platform != "win32"  # noqa: S101  read by mypy


def foreground_group() -> int | None:
    """The process group that has the terminal; None without a terminal."""
    try:
        with _terminal() as terminal:
            return os.tcgetpgrp(terminal)
    except OSError:
        return None


def hand_terminal_to(group: int) -> None:
    """Let `group` have the terminal, if it can. SIGTTOU must be blocked in the calling thread."""
    with contextlib.suppress(OSError), _terminal() as terminal:
        os.tcsetpgrp(terminal, group)


@contextmanager
def _terminal() -> Iterator[int]:
    descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
