"""Running the user's command on this system, and ending the way it ended."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from cli.child.end import ChildEnd
from cli.streams import flush_or_forget

if sys.platform == "win32":
    from cli.child.windows import default_command, exec_replace, start_child
else:
    from cli.child.posix import default_command, exec_replace, start_child
    from cli.child.signals import block_signals

__all__ = [
    "default_command",
    "exec_replace",
    "exit_as",
    "leave_signals_to_the_main_thread",
    "run_child",
    "start_child",
]


async def run_child(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    on_started: Callable[[int], None] | None = None,
) -> ChildEnd:
    """Run `command` with exactly `env` until it ends, for the main thread's loop. Never raises OSError.

    `on_started` is told its process id. Cancelling leaves it running.
    """
    with start_child(command, env) as child:
        if isinstance(child, ChildEnd):
            return child
        if on_started is not None:
            on_started(child.pid)
        return await child.ended()


def leave_signals_to_the_main_thread() -> None:
    """For the `initializer` of pools of threads that are there before the child is.

    A signal that such a thread takes reaches the child as well, but does not tell who sent it.
    """
    if sys.platform != "win32":
        block_signals()


def exit_as(end: ChildEnd) -> NoReturn:
    """End this process as the child ended. To be called last, when everything of ours is closed.

    A child killed by Ctrl-C is followed into that very death: shells leave a loop or script only when
    they see it, and `$?` is 130 all the same. Every other end is an exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        flush_or_forget(stream)
    if sys.platform != "win32" and end.signal == signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    sys.exit(end.exit_code)
