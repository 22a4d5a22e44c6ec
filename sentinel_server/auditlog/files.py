"""The files of a log, as a port for those who read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class LogFiles(Protocol):
    """Log files whose names sort by time, and that only ever grow."""

    def names(self) -> list[str]:
        """The files that are there now, sorted. Raises AuditUnavailable."""
        ...

    def lines(self, name: str, start: int = 0) -> Iterator[tuple[bytes, int]]:
        """The whole lines from byte `start` on, without their ends, each with the byte after it.

        A file that is gone has none. Raises AuditUnavailable when it cannot be read.
        """
        ...

    def end(self, name: str) -> int:
        """The byte after the last whole line; 0 when there is none, or the file is gone."""
        ...
