"""The near end of `tests.fakes.forking`: commands as processes, at the price of a fork."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.fakes.deployment import Ran
from tests.fakes.processes import DEADLINE, REPOSITORY, Running
from tests.fakes.terminal import Terminal


@dataclass(slots=True)
class Forked:
    """A running command, as far as `subprocess.Popen` is used by tests."""

    pid: int
    _told: int
    _status: int | None = None
    stdin: IO[bytes] | None = None

    def poll(self) -> int | None:
        """The exit status, if it has ended."""
        ready, _, _ = select.select([] if self._status is not None else [self._told], [], [], 0)
        return self.wait() if ready else self._status

    def terminate(self) -> None:
        """Ask it to end."""
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = DEADLINE) -> int:
        """The exit status; negative for a signal."""
        if self._status is None:
            ready, _, _ = select.select([self._told], [], [], timeout)
            if not ready:
                raise AssertionError(f"process {self.pid} has not ended within {timeout} s")
            self._status = int(os.read(self._told, 64))
            os.close(self._told)
        return self._status


class Forks:
    """Starts commands of ours."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control

    def run(
        self,
        *words: str,
        env: Mapping[str, str],
        say: str = "",
        broken: str | None = None,
        record: Path | None = None,
    ) -> Ran:
        """One command to its end, with `say` on its stdin; `broken` is a part of `tests.fakes.sabotaged`."""
        with contextlib.ExitStack() as stack:
            given, out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            given.write(say.encode())
            given.seek(0)
            streams = [each.fileno() for each in (given, out, err)]
            ended = self._started(words, env, streams, broken=broken, record=record)
            try:
                code = ended.wait(60)
            finally:
                _kill(ended.pid)
            texts = []
            for each in (out, err):
                each.seek(0)
                texts.append(each.read().decode(errors="replace"))
        return Ran(code=code, out=texts[0], err=texts[1])

    @contextmanager
    def started(
        self, *words: str, env: Mapping[str, str], into: Path, talk: bool = False
    ) -> Iterator[Running]:
        """A command that runs, its output in the directory `into`; with `talk` its stdin is ours to write."""
        into.mkdir(parents=True, exist_ok=True)
        out, err = into / "stdout", into / "stderr"
        theirs, ours = os.pipe() if talk else (os.open(os.devnull, os.O_RDONLY), None)
        with out.open("wb") as to_out, err.open("wb") as to_err:
            try:
                process = self._started(words, env, [theirs, to_out.fileno(), to_err.fileno()])
            finally:
                os.close(theirs)
        process.stdin = None if ours is None else os.fdopen(ours, "wb")
        try:
            yield Running(process=process, stdout=out, stderr=err)
        finally:
            _kill(process.pid)
            process.wait()
            if process.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()

    @contextmanager
    def typing(
        self, *words: str, env: Mapping[str, str], record: Path | None = None, times: int = 1
    ) -> Iterator[Terminal]:
        """A command on a terminal of its own, of 24 by 80; or so many of it at once, on the same one."""
        master, slave = pty.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {"TERM": "xterm", **env}
        process = self._started(words, env, [slave] * 3, terminal=True, record=record, times=times)
        os.close(slave)
        terminal = Terminal(master, process)
        try:
            yield terminal
        finally:
            terminal.close()

    def _started(
        self,
        words: tuple[str, ...],
        env: Mapping[str, str],
        streams: list[int],
        *,
        terminal: bool = False,
        broken: str | None = None,
        record: Path | None = None,
        times: int = 1,
    ) -> Forked:
        request = {
            "times": times,
            "words": list(words),
            "env": dict(env),
            "terminal": terminal,
            "broken": broken,
            "record": str(record) if record is not None else None,
        }
        told, tell = os.pipe()
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], [*streams, tell])
        finally:
            os.close(tell)
        return Forked(pid=int(_line(told)), _told=told)


def _line(descriptor: int) -> bytes:
    """Up to the end of a line, byte by byte: what follows is for somebody else."""
    found = b""
    while not found.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        assert byte, "the process that forks has ended"
        found += byte
    return found


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@contextmanager
def forking() -> Iterator[Forks]:
    """A process that forks commands, as loud as Python can be; it ends with the context."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    loud = [sys.executable, "-W", "always", "-m", "tests.fakes.forking", str(far.fileno())]
    with near, subprocess.Popen(loud, cwd=REPOSITORY, pass_fds=[far.fileno()]) as process:
        far.close()
        assert near.recv(16) == b"ready"
        yield Forks(near)
        near.close()
        process.wait(DEADLINE)
