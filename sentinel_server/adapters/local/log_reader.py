"""Reads the log files of a directory, from any place in them and while they grow; whole lines only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sentinel_server.auditlog.chain import FILE_NAME
from sentinel_server.errors import AuditUnavailable

_PIECE = 1024 * 1024
_READ = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


class LogReader:
    """A directory of log files, as text order of their names has them, which is the order of time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def names(self) -> list[str]:
        """The files that are there now. Raises AuditUnavailable."""
        try:
            return sorted(name for name in os.listdir(self.directory) if FILE_NAME.fullmatch(name))
        except OSError as error:
            raise AuditUnavailable(
                f"cannot read {self.directory}: {error.strerror}", hint="see: sentinel config show"
            ) from error

    def lines(self, name: str, start: int = 0) -> Iterator[tuple[bytes, int]]:
        """The whole lines from byte `start` on, without their ends, each with the byte after it.

        A file that is gone has none. Raises AuditUnavailable when it cannot be read.
        """
        with suppress(FileNotFoundError):
            try:
                yield from self._lines(name, start)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise AuditUnavailable(f"cannot read {self.directory / name}: {error.strerror}") from error

    def end(self, name: str) -> int:
        """The byte after the last whole line; 0 when there is none, or the file is gone."""
        try:
            with os.fdopen(os.open(self.directory / name, _READ), "rb") as file:
                start = max(0, file.seek(0, os.SEEK_END) - _PIECE)
                file.seek(start)
                return start + file.read(_PIECE).rfind(b"\n") + 1
        except OSError:
            return 0

    def _lines(self, name: str, start: int) -> Iterator[tuple[bytes, int]]:
        with os.fdopen(os.open(self.directory / name, _READ), "rb") as file:
            file.seek(start)
            rest = b""
            while piece := file.read(_PIECE):
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    start += len(line) + 1
                    yield line, start
