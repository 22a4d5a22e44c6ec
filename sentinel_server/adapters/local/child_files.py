"""The AWS files of a child that replaces our process, so that nobody is left to remove them.

They hold settings and no credentials, and are named after their content: equal ones are one file.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen


@frozen
class ChildFiles:
    """Where the child's `AWS_CONFIG_FILE` and its empty `AWS_SHARED_CREDENTIALS_FILE` are."""

    config: Path
    credentials: Path


def child_files(state: Path, config: str) -> ChildFiles:
    """The two files below `state`, written if they are not there. Raises InvalidSetting."""
    directory = state / "child"
    try:
        make_directory(directory)
        _refuse_shared(directory)
        return ChildFiles(config=_kept(directory, config), credentials=_kept(directory, ""))
    except OSError as error:
        raise InvalidSetting(
            f"cannot write the child's AWS files in {directory}: {error.strerror}"
        ) from error


def _refuse_shared(directory: Path) -> None:
    """Whoever can write here could put a credential process into the child's configuration."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or why_not_ours(found):
        raise InvalidSetting(
            f"{directory} cannot hold the child's AWS files: others could change them",
            hint=f"look at it, then remove it: ls -ld {directory}",
        )


def _kept(directory: Path, text: str) -> Path:
    path = directory / sha256_hex(text.encode())[:16]
    # Written anew each time: what somebody put there under our name must not reach the child.
    descriptor, name = tempfile.mkstemp(dir=directory)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(name, path)
    return path
