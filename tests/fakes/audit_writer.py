"""A process that writes to an audit log and says which lines it was promised; it may stop itself anywhere.

`python -m tests.fakes.audit_writer DIRECTORY FIRST COUNT LIMIT KILL`: after KILL calls of fsync it is gone
as by `kill -9`, before (`-N`) or after (`N`) that call did its work; with 0 it lives and closes the log.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from sentinel_server.adapters.local.jsonl import JsonlAudit
from sentinel_server.clock import SystemClock, SystemIds
from tests.fakes.auditlogs import an_event


class Fsync:
    """The system's, until this process is to die in it."""

    def __init__(self, kill: int) -> None:
        self._kill = kill
        self._calls = 0

    def __call__(self, descriptor: int) -> None:
        """Flush, or die before it or after it."""
        self._calls += 1
        if self._calls == -self._kill:
            os.kill(os.getpid(), signal.SIGKILL)
        os.fsync(descriptor)
        if self._calls == self._kill:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(directory: Path, first: int, count: int, limit: int, kill: int) -> None:
    """Write the lines one by one, each durable, and say each when it is."""
    log = JsonlAudit(directory, clock=SystemClock(), ids=SystemIds(), every=3, limit=limit, fsync=Fsync(kill))
    for number in range(first, first + count):
        await log.record(an_event(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
    await log.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
