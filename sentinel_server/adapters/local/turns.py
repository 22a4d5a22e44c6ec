"""Turns at something, among all processes of this machine: a locked file each.

The system takes the lock away when its holder ends, however it ends, so nothing has to be cleaned up and
nobody waits for the dead.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sentinel_server.adapters.local.private_home import keyring_errors, make_home
from sentinel_server.canonical import sha256_hex

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_LOOKS_AGAIN = 0.05
_SAYS_AFTER = 1.0


class FileTurns:
    """Turns in a private directory; `waiting` is told once when a turn does not come at once."""

    def __init__(self, directory: Path, waiting: Callable[[], None] = lambda: None) -> None:
        self._directory = directory
        self._waiting = waiting

    @asynccontextmanager
    async def of(self, what: str) -> AsyncIterator[None]:
        """Wait for the turn and hold it. Raises KeyringUnavailable."""
        make_home(self._directory)
        path = self._directory / f"turn-{sha256_hex(what.encode())[:16]}"
        with _opened(path) as descriptor:
            waited = 0.0
            # A blocked thread could not be left at Ctrl-C, so this looks again instead.
            while not _taken(descriptor):
                await asyncio.sleep(_LOOKS_AGAIN)
                waited += _LOOKS_AGAIN
                if waited - _LOOKS_AGAIN < _SAYS_AFTER <= waited:
                    self._waiting()
            yield


@contextmanager
def briefly(directory: Path, name: str) -> Iterator[None]:
    """Hold a lock that nobody holds for longer than a write; waits for it without a way out."""
    with _opened(directory / name) as descriptor:
        _take(descriptor)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    with keyring_errors(f"locking {path}"):
        descriptor = os.open(path, _FLAGS, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _taken(descriptor: int) -> bool:
        """Whether the lock could be had now."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _take(descriptor: int) -> None:
        """Wait for the lock."""
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            except OSError:  # it gives up after ten tries, a second apart
                continue
            return

else:
    import fcntl

    def _taken(descriptor: int) -> bool:
        """Whether the lock could be had now."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _take(descriptor: int) -> None:
        """Wait for the lock."""
        fcntl.flock(descriptor, fcntl.LOCK_EX)
