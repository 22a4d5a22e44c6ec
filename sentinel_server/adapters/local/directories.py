"""Directories for one user alone: `parents=True` would leave all but the last one open to everybody."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

PRIVATE = 0o700


def make_directory(directory: Path) -> None:
    """Make it and whatever is missing above it, each with 0700; what is there is left as it is.

    Raises OSError.
    """
    missing = []
    for part in (directory, *directory.parents):
        if part.is_dir():
            break
        missing.append(part)
    for part in reversed(missing):
        with suppress(FileExistsError):  # another process may be at it, too
            part.mkdir(mode=PRIVATE)
    if not directory.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(directory))
