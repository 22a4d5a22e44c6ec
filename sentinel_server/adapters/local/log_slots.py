"""Places for the writers of one machine, so that a process goes on with the chain that one before it left.

A slot is a small file that its holder keeps locked; it holds the name of the log file that was last written
under it. Locks end with their process, however that ends. So there are only as many chains as there were
processes at one time, and nobody ever waits.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sentinel_server.auditlog.chain import FILE_NAME

if sys.platform != "win32":
    import fcntl

SLOTS = 256
"""Writers of one machine that can be followed by others; one beyond leaves a file of its own."""
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(slots=True)
class Slot:
    """A place that is ours until `release`, or until this process ends."""

    descriptor: int

    def current(self) -> str | None:
        """The log file last written under this slot; None when there is none yet."""
        os.lseek(self.descriptor, 0, os.SEEK_SET)
        name = os.read(self.descriptor, 200).decode("ascii", "replace").strip()
        return name if FILE_NAME.fullmatch(name) else None

    def point(self, name: str) -> None:
        """Remember the log file; lost when the machine stops, which costs no more than a further file."""
        with suppress(OSError):
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            os.write(self.descriptor, name.ljust(80).encode() + b"\n")

    def release(self) -> None:
        """Let somebody else have it."""
        with suppress(OSError):
            os.close(self.descriptor)


def take_slot(directory: Path) -> Slot | None:
    """The first free slot of this machine; None where there are no locks or no slot is free."""
    if sys.platform == "win32":
        return None
    else:
        host = re.sub(r"[^A-Za-z0-9.-]", "-", os.uname().nodename)[:64]
        for number in range(SLOTS):
            try:
                descriptor = os.open(directory / f".writer-{host}-{number}", _FLAGS, 0o600)
            except OSError:
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            except OSError:
                os.close(descriptor)
                return None
            else:
                return Slot(descriptor)
        return None
