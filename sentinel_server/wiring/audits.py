"""The audit log as it is read, for people and for places it is sent to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel_server.auditlog.files import LogFiles


def log_reader(directory: Path) -> LogFiles:
    """Reads the log files of a directory."""
    from sentinel_server.adapters.local.log_reader import LogReader

    return LogReader(directory)
