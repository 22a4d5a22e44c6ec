"""A child on Windows: in our console, which sends Ctrl-C and Ctrl-Break to both of us.

We let those pass and wait; there are no other signals to hand on, and no way to become another program.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from cli.child.end import ChildEnd, not_executable
from cli.child.lookup import find_program

assert sys.platform == "win32"  # noqa: S101  read by mypy


def default_command(env: Mapping[str, str]) -> list[str]:
    """The user's command interpreter."""
    return [env.get("COMSPEC") or "cmd.exe"]


class WindowsChild:
    """A `Child` that has the console until its end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process

    async def ended(self) -> ChildEnd:
        """Its end."""
        import asyncio  # a quarter of the time until it is started

        return ChildEnd(exit_code=await asyncio.to_thread(self._process.wait))


@contextmanager
def start_child(command: Sequence[str], env: Mapping[str, str]) -> Iterator[WindowsChild | ChildEnd]:
    """Start `command` with exactly `env`; see `ChildStarter`."""
    with _console_left_to_the_child():
        process = _start(command, env)
        yield process if isinstance(process, ChildEnd) else WindowsChild(process)


def exec_replace(command: Sequence[str], env: Mapping[str, str]) -> ChildEnd:
    """Run `command` and wait: Windows cannot replace a program, so this returns when it has ended."""
    with _console_left_to_the_child():
        process = _start(command, env)
        return process if isinstance(process, ChildEnd) else ChildEnd(exit_code=process.wait())


def _start(command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes] | ChildEnd:
    program = find_program(command[0], env)
    if isinstance(program, ChildEnd):
        return program
    try:
        return subprocess.Popen([program, *command[1:]], env=dict(env))  # noqa: S603  the user's command
    except OSError as error:
        return not_executable(command[0], (error.strerror or "unknown error").lower())


@contextmanager
def _console_left_to_the_child() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGBREAK)}
    for number in before:
        signal.signal(number, lambda *_: None)  # SIG_IGN for Ctrl-C would be inherited
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
