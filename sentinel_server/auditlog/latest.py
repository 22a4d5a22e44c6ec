"""The newest entry of a kind, found without reading more of the log than has to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sentinel_server.auditlog.files import LogFiles
from sentinel_server.auditlog.query import Entry, read_entry

FILES = 8
"""How many of the newest files are looked at: processes that run at once write one each."""


def latest(files: LogFiles, marks: Sequence[bytes], wants: Callable[[Entry], bool]) -> Entry | None:
    """The newest wanted entry; None when there is none in the newest `FILES` files.

    Only lines with all `marks` in them are parsed, so these must be texts that every wanted line has.
    Raises AuditUnavailable.
    """
    found: list[Entry] = []
    for name in files.names()[-FILES:]:
        last = None
        for line, _ in files.lines(name):
            if (
                all(mark in line for mark in marks)
                and (entry := read_entry(line)) is not None
                and wants(entry)
            ):
                last = entry
        if last is not None:
            found.append(last)
    return max(found, key=lambda entry: str(entry["at"]), default=None)
