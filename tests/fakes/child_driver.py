"""A program of one call, for tests: runs its arguments with `run_child` and ends as the child ended.

What it observes it writes to stderr, one line each: `started PID` and `ended CODE REASON`.
`--signal-while-starting N` has signal N arrive when all is ready for the child but the child;
`--replace` uses `exec_replace` instead; `--held-descriptor` first opens a file as descriptor 40;
`--busy-threads` has threads running that were there before and know nothing of signals;
`--polite-threads` has such threads that leave signals to the main thread.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator, Mapping

from cli.child import ChildEnd, exec_replace, exit_as, leave_signals_to_the_main_thread, run_child


class TrippedEnv(Mapping[str, str]):
    """An environment that sends us a signal when it is copied for the child."""

    def __init__(self, env: Mapping[str, str], number: int) -> None:
        self._env, self._number = env, number

    def __getitem__(self, name: str) -> str:
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        os.kill(os.getpid(), self._number)
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)


def say(text: str) -> None:
    """One line on stderr, at once, if anybody still reads there."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())


def main() -> None:
    """Parse, run, end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--signal-while-starting", type=int, default=0)
    parser.add_argument("--replace", action="store_true")
    parser.add_argument("--held-descriptor", action="store_true")
    parser.add_argument("--busy-threads", action="store_true")
    parser.add_argument("--polite-threads", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    env: Mapping[str, str] = dict(os.environ)  # noqa: TID251  a program of its own, not a test
    if asked.signal_while_starting:
        env = TrippedEnv(env, asked.signal_while_starting)
    if asked.busy_threads or asked.polite_threads:
        start_threads(polite=asked.polite_threads)
    if asked.held_descriptor:
        os.dup2(os.open("/dev/null", os.O_RDONLY), 40, inheritable=False)
        say("holding 40")
    if asked.replace:
        end = exec_replace(asked.command, env)
    else:
        end = asyncio.run(run_child(asked.command, env, on_started=lambda pid: say(f"started {pid}")))
    leave(end)


def start_threads(*, polite: bool) -> None:
    """Three threads that sleep for ever."""

    def sleep() -> None:
        if polite:
            leave_signals_to_the_main_thread()
        threading.Event().wait()

    for _ in range(3):
        threading.Thread(target=sleep, daemon=True).start()


def leave(end: ChildEnd) -> None:
    """Tell of the end, then follow."""
    say(f"ended {end.exit_code} {end.reason}; {end.hint}" if end.reason else f"ended {end.exit_code}")
    exit_as(end)


if __name__ == "__main__":
    main()
