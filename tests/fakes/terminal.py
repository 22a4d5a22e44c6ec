"""A real pseudo-terminal with a program as its session leader, and hands to type on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.fakes.processes import DEADLINE, REPOSITORY, until

CTRL_C, CTRL_Z, CTRL_BACKSLASH = "\x03", "\x1a", "\x1c"

_TAKE_TERMINAL = """import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])"""


class Process(Protocol):
    """What runs on a terminal."""

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, negative for a signal."""
        ...


class Terminal:
    """The outside of a terminal: what is typed goes in, what is printed comes out and is kept."""

    def __init__(self, master: int, process: Process) -> None:
        self._master = master
        self.process = process
        self.shown = ""
        self._read_to = 0

    def type(self, keys: str) -> None:
        """Press these keys; those that send a signal only once the program waits, as people do.

        A signal that comes after a prompt was written and before its answer is read is noticed by CPython's
        `input` only when a key follows.
        """
        if set(keys) & {CTRL_C, CTRL_Z, CTRL_BACKSLASH}:
            self._await_rest()
        os.write(self._master, keys.encode())

    def line(self, text: str) -> None:
        """Type a line and press return."""
        self.type(text + "\r")

    def resize(self, rows: int, columns: int) -> None:
        """Pull at the window's corner."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, pattern: str, within: float = DEADLINE) -> re.Match[str]:
        """The next match after the last one that was expected; fails with all that was shown."""
        end = time.monotonic() + within
        while not (match := re.compile(pattern).search(self.shown, self._read_to)):
            if time.monotonic() > end or not self._read(end - time.monotonic()):
                raise AssertionError(f"never shown: {pattern!r}, but: {self.shown[self._read_to :]!r}")
        self._read_to = match.end()
        return match

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End the program, if it is still there, and the terminal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        if self._master >= 0:
            self.hang_up()
        self.process.wait()

    def _await_rest(self) -> None:
        """Return when the foreground program sleeps, has kept busy for a second, or cannot be looked at."""
        end = time.monotonic() + 1
        until(lambda: self._rests() or time.monotonic() > end, "the program rests")

    def _rests(self) -> bool:
        try:
            state = Path(f"/proc/{os.tcgetpgrp(self._master)}/stat").read_text()
        except OSError:
            return True
        return state.rpartition(")")[2].split()[0] == "S"

    def _read(self, timeout: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(timeout, 0))
        if not ready:
            return False
        try:
            chunk = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the last program on a terminal is gone
            return False
        self.shown += chunk.decode(errors="replace")
        return bool(chunk)


@contextmanager
def on_a_terminal(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Terminal]:
    """Run `argv` with exactly `env` as the leader of a session on a new terminal of 24 by 80."""
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", _TAKE_TERMINAL, *argv],
        env=dict(env),
        cwd=REPOSITORY,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    terminal = Terminal(master, process)
    try:
        yield terminal
    finally:
        terminal.close()


@contextmanager
def bash(env: Mapping[str, str]) -> Iterator[Terminal]:
    """An interactive bash with job control, ready at its prompt, which is `$?`-`>`."""
    quiet = {**env, "PS1": "rc=$?> ", "TERM": "dumb", "HISTFILE": ""}
    with on_a_terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"], quiet) as terminal:
        terminal.expect(r"rc=0> ")
        yield terminal
