"""Where a directory can be made that stays private: a place in which nobody else can put or move things."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.errors import InvalidSetting

PREFIX = "server-"


class Place(NamedTuple):
    """A directory to make private ones in, and how the names of ours begin there."""

    parent: Path
    prefix: str


if sys.platform == "win32":

    def find_place(environment: Mapping[str, str]) -> Place:
        """Below the user's LOCALAPPDATA, whose access list is inherited. Raises InvalidSetting."""
        base = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        parent = base / "sentinel" / "run"
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidSetting(f"cannot make {parent}: {why(error)}") from error
        return Place(parent, PREFIX)

else:

    def find_place(environment: Mapping[str, str]) -> Place:
        """`$XDG_RUNTIME_DIR/sentinel`, or the directory for temporary files. Raises InvalidSetting.

        A runtime directory that is not this user's (as `su` leaves it behind) does not count.
        """
        runtime = Path(environment.get("XDG_RUNTIME_DIR", ""))
        if runtime.is_absolute() and _only_ours(runtime):
            return Place(_own_directory(runtime / "sentinel"), PREFIX)
        shared = Path(environment.get("TMPDIR") or "/tmp").absolute()  # noqa: S108  checked, and nothing fixed
        _require_safe_to_share(shared)
        return Place(shared, f"sentinel-{os.geteuid()}-{PREFIX}")

    def is_our_directory(path: Path) -> bool:
        """Whether this is a real directory of our user. Raises OSError when it cannot be seen."""
        found = path.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()

    def _only_ours(path: Path) -> bool:
        try:
            return is_our_directory(path) and path.lstat().st_mode & 0o077 == 0
        except OSError:
            return False

    def _own_directory(path: Path) -> Path:
        """The directory, made now or found as we would have made it."""
        try:
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
        except OSError as error:
            raise InvalidSetting(f"cannot make {path}: {why(error)}") from error
        if _only_ours(path):
            return path
        raise InvalidSetting(
            f"{path} cannot hold private files: it is not a directory that is yours alone (0700)",
            hint=f"look at it, then remove it: ls -ld {path}",
        )

    def _require_safe_to_share(path: Path) -> None:
        """Nobody else may move what we make in it: either sticky, or writable for its owner alone."""
        try:
            found = path.stat()
        except OSError as error:
            raise InvalidSetting(f"cannot use {path}: {why(error)}") from error
        if not stat.S_ISDIR(found.st_mode) or why_not_ours(found, root_may=True, sticky=True):
            raise InvalidSetting(
                f"{path} cannot hold private files: other users may replace what is in it",
                hint="name a directory of your own: export TMPDIR=DIRECTORY",
            )


def why(error: OSError) -> str:
    """The system's reason, in our style."""
    return (error.strerror or "unknown error").lower()
