"""Real processes for tests: started in a group of their own, watched by what they print, always ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeVar

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[2]
"""Where `python -m` finds the product and its tests."""

DEADLINE = 20.0
"""Seconds after which a condition is taken to be never true. Nothing waits that long when all is well."""


def until(truth: Callable[[], T | None], what: str, within: float = DEADLINE) -> T:
    """What `truth` returns as soon as that is something; fails with `what` after `within` seconds."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if found := truth():
            return found
        time.sleep(0.005)
    raise AssertionError(f"not within {within} s: {what}")


class Started(Protocol):
    """A process as tests see it; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    @property
    def stdin(self) -> IO[bytes] | None:
        """Where to write what it reads."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, negative for a signal."""
        ...

    def poll(self) -> int | None:
        """The exit status, if it has ended."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A started process, its output going to two files."""

    process: Started
    stdout: Path
    stderr: Path

    @property
    def pid(self) -> int:
        """The process id, which is also its group's."""
        return self.process.pid

    def out(self) -> str:
        """All of stdout so far."""
        return self.stdout.read_text(errors="replace")

    def err(self) -> str:
        """All of stderr so far."""
        return self.stderr.read_text(errors="replace")

    def wait_for(self, pattern: str, within: float = DEADLINE) -> re.Match[str]:
        """The first match of a regular expression (`^` and `$` match at lines) in stdout, then stderr."""

        def seen() -> re.Match[str] | None:
            texts = (self.out(), self.err())
            return next((m for text in texts if (m := re.search(pattern, text, re.MULTILINE))), None)

        try:
            return until(seen, pattern, within)
        except AssertionError as error:
            raise AssertionError(f"{error}\nstdout: {self.out()}\nstderr: {self.err()}") from None

    def say(self, line: str) -> None:
        """Write a line to the stdin of a process that was started with `talk`."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def hush(self) -> None:
        """End the stdin of a process that was started with `talk`."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def send(self, number: int) -> None:
        """Send a signal to this process alone."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """Stop it by SIGSTOP; when this returns none of its threads runs. For a child of this process."""
        self.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def wait(self, within: float = DEADLINE) -> int:
        """The exit code, as `subprocess` says it: negative for a signal."""
        return self.process.wait(within)

    def terminate(self, within: float = DEADLINE) -> int:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        return self.wait(within)


@contextmanager
def started(
    argv: Sequence[str], *, env: Mapping[str, str], into: Path, talk: bool = False
) -> Iterator[Running]:
    """Start `argv` with exactly `env` in the repository's folder, output in the directory `into`.

    With `talk` its stdin is ours to write to, else it is empty. On leaving, whatever is left of its process
    group is killed.
    """
    into.mkdir(parents=True, exist_ok=True)
    out, err = into / "stdout", into / "stderr"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=REPOSITORY,
            stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            start_new_session=True,
        )
    try:
        yield Running(process=process, stdout=out, stderr=err)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


def sentinel(*arguments: str) -> list[str]:
    """The command line that starts the `sentinel` console script from this checkout."""
    return [sys.executable, "-c", "from cli.main import main; main()", *arguments]


def ps(field: str, pid: int) -> str:
    """What `ps` says of one process, empty when there is no such process."""
    asked = ["ps", "-o", f"{field}=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped."""
    return ps("stat", pid).startswith("T")
