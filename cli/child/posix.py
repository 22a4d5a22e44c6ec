"""A child on Linux and macOS: in our process group, with our terminal, streams and open descriptors.

Rules kept here:
- The child inherits what we were started with: signal mask, ignored signals, and descriptors a shell passed
  (`<(…)`). Nothing that we opened ourselves: Python makes those close on exec.
- A child that stops is followed by our own stop, when a job-control shell is there to see it, and continued
  when we are. So Ctrl-Z, `fg`, `bg` and `suspend` work, whoever in the group was stopped first.
- The child is never killed by us. If we die it goes on, and finds nobody at its endpoint.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cli.child.end import ChildEnd, not_executable, not_found
from cli.child.lookup import find_program, is_script

if sys.platform != "win32":
    from cli.child.signals import Arrival, Listener, has_reached
    from cli.child.terminal import foreground_group, hand_terminal_to

if TYPE_CHECKING:
    import asyncio

assert sys.platform != "win32"  # noqa: S101  read by mypy

_CHANGED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Python ignores these in itself; a child expects their defaults."""


def default_command(env: Mapping[str, str]) -> list[str]:
    """The user's shell."""
    return [env.get("SHELL") or "/bin/sh"]


class PosixChild:
    """A `Child` whose signals, and ours, are held back until its end is awaited."""

    def __init__(self, pid: int, listener: Listener) -> None:
        self.pid = pid
        self._listener = listener

    async def ended(self) -> ChildEnd:
        """Its end; what reached us alone since it was started is passed on to it. For the main thread."""
        import asyncio  # a quarter of the time until it is started

        loop = asyncio.get_running_loop()
        self._listener.start(loop, lambda arrival: _pass_on(self.pid, arrival))
        try:
            return _end(await _watched(self.pid, loop))
        finally:
            self._listener.close()


@contextlib.contextmanager
def start_child(command: Sequence[str], env: Mapping[str, str]) -> Iterator[PosixChild | ChildEnd]:
    """Start `command` with exactly `env`; see `ChildStarter`. For the main thread.

    Signals that come before the child is there reach it once it is.
    """
    program = find_program(command[0], env)
    if isinstance(program, ChildEnd):
        yield program
        return
    _let_children_be_awaited()
    listener = Listener()
    try:
        environment = dict(env)
        early = listener.take_pending()
        pid = _spawn(program, command, environment, listener.mask_before)
        if isinstance(pid, ChildEnd):
            yield pid
            return
        for number in early:
            _send(pid, number)
        yield PosixChild(pid, listener)
    finally:
        listener.close()


def exec_replace(command: Sequence[str], env: Mapping[str, str]) -> ChildEnd:
    """Become `command`, with exactly `env`; returns only when it could not be started."""
    program = find_program(command[0], env)
    if isinstance(program, ChildEnd):
        return program
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for number in _CHANGED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    failure = OSError()
    for path, arguments in _attempts(program, command):
        try:
            os.execve(path, arguments, dict(env))  # noqa: S606  running the user's command is the task
        except OSError as error:
            failure = error
            if error.errno != errno.ENOEXEC:
                break
    return _not_started(command[0], failure)


def _spawn(program: str, command: Sequence[str], env: dict[str, str], mask: set[int]) -> int | ChildEnd:
    failure = OSError()
    for path, arguments in _attempts(program, command):
        try:
            return os.posix_spawn(path, arguments, env, setsigmask=mask, setsigdef=_CHANGED_BY_PYTHON)
        except OSError as error:
            failure = error
            if error.errno != errno.ENOEXEC:
                break
    return _not_started(command[0], failure)


def _attempts(program: str, command: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The program itself and, as in every shell, `sh` for a script without an interpreter line."""
    itself = (program, list(command))
    return [itself, ("/bin/sh", ["sh", program, *command[1:]])] if is_script(program) else [itself]


def _not_started(name: str, error: OSError) -> ChildEnd:
    if error.errno == errno.ENOENT and not os.path.exists(name) and os.path.dirname(name):
        return not_found(name)
    if error.errno == errno.ENOENT:
        return not_executable(name, "the interpreter it names is not there")
    return not_executable(name, (error.strerror or "unknown error").lower())


def _let_children_be_awaited() -> None:
    """Undo an inherited `SIG_IGN`, under which the system forgets how children ended."""
    if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _watched(pid: int, loop: asyncio.AbstractEventLoop) -> asyncio.Future[int]:
    """A future of the wait status with which the child ends."""
    ended: asyncio.Future[int] = loop.create_future()

    def settle(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    def watch() -> None:
        status = _wait(pid)
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody asks any more
            loop.call_soon_threadsafe(settle, status)

    threading.Thread(target=watch, name="child", daemon=True).start()
    return ended


def _wait(pid: int) -> int:
    """The status with which the child ended; every stop of it on the way is followed."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    while not (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
        if os.WIFSTOPPED(status) and _a_shell_watches_us():
            _stop_until_continued(pid)
            # Who continued our group has continued the child, and may have stopped it again by now.
            known, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            if known:
                continue
            _continue(pid)
        _, status = os.waitpid(pid, os.WUNTRACED)
    return status


def _stop_until_continued(pid: int) -> None:
    """Stop ourselves. A shell inside that had the terminal gets it back, if the outer shell gave it to us."""
    had_terminal = foreground_group()
    signal.raise_signal(signal.SIGSTOP)
    with contextlib.suppress(OSError):
        if had_terminal == os.getpgid(pid) and foreground_group() == os.getpgrp():
            hand_terminal_to(had_terminal)


def _a_shell_watches_us() -> bool:
    """Whether our parent put us into a group of our own in its session, as job control does.

    If not, nobody would continue us, while somebody may continue the child.
    """
    try:
        parent = os.getppid()
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except OSError:
        return False


def _continue(pid: int) -> None:
    with contextlib.suppress(OSError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGCONT)
        else:
            os.kill(pid, signal.SIGCONT)


def _pass_on(pid: int, arrival: Arrival) -> None:
    try:
        shares_group = os.getpgid(pid) == os.getpgrp()
    except OSError:
        return
    if not has_reached(
        pid, arrival, shares_group=shares_group, foreground=foreground_group() == os.getpgrp()
    ):
        _send(pid, arrival.number)


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):  # it has just ended, or it is setuid and not ours to signal
        os.kill(pid, number)


def _end(status: int) -> ChildEnd:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return ChildEnd(exit_code=128 + number, signal=number)
    return ChildEnd(exit_code=os.WEXITSTATUS(status))
