"""Files that only this user may read, for as long as one server lives: its token, its child's configuration.

Rules kept here:
- A file is private from its first moment: a directory of mode 0700, the file made new with 0600. Nothing is
  ever made readable first and closed after, and no symbolic link is followed.
- Every server has a directory of its own, with a locked file in it. The system takes the lock away when the
  process ends, however it ends, so the next start can tell what was left behind, even by a process whose
  number means nothing here (containers that share a directory).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sentinel_server.adapters.local.private_place import Place, find_place, why
from sentinel_server.errors import InvalidSetting

_LOCK = "alive"
_EXCLUSIVE = os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def private_directory(environment: Mapping[str, str]) -> Iterator[Path]:
    """A new directory for this server alone, removed with all that is in it on leaving.

    It is below `$XDG_RUNTIME_DIR/sentinel`, or else in the directory for temporary files; on Windows in
    the user's LOCALAPPDATA. What servers that died left there is removed first. Raises InvalidSetting where
    no private place can be had.
    """
    place = find_place(environment)
    _sweep(place)
    try:
        directory = Path(tempfile.mkdtemp(prefix=place.prefix, dir=place.parent))  # 0700 from the start
        lock = _claim(directory)
    except OSError as error:
        raise InvalidSetting(f"cannot make a private directory in {place.parent}: {why(error)}") from error
    try:
        yield directory
    finally:
        os.close(lock)
        shutil.rmtree(directory, ignore_errors=True)


def private_file(directory: Path, name: str, text: str) -> Path:
    """A new file of exactly `text`, mode 0600, nothing added (SDKs choke on a newline after a token).

    Raises InvalidSetting if something of that name is there already, or it cannot be written.
    """
    path = directory / name
    try:
        descriptor = os.open(path, os.O_WRONLY | _EXCLUSIVE, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise InvalidSetting(f"cannot write the private file {path}: {why(error)}") from error
    return path


def _sweep(place: Place) -> None:
    """Remove what servers left that ended without a chance to."""
    for directory in place.parent.glob(f"{place.prefix}*"):
        if _abandoned(directory):
            shutil.rmtree(directory, ignore_errors=True)


if sys.platform == "win32":

    def _claim(directory: Path) -> int:
        """Make the lock and keep it open: Windows deletes no open file."""
        return os.open(directory / _LOCK, os.O_RDWR | _EXCLUSIVE)

    def _abandoned(directory: Path) -> bool:
        """Whether its server has ended, and so holds its lock open no longer."""
        try:
            os.unlink(directory / _LOCK)
        except OSError:
            return False
        return True

else:
    import fcntl

    from sentinel_server.adapters.local.private_place import is_our_directory

    def _claim(directory: Path) -> int:
        """Make and hold the lock; it gets its name only when held, so that nobody finds it free."""
        new = directory / f"{_LOCK}.new"
        lock = os.open(new, os.O_RDWR | _EXCLUSIVE, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(directory / _LOCK)
        return lock

    def _abandoned(directory: Path) -> bool:
        """Whether its server has ended. One that is only being made has no lock yet and is left alone."""
        try:
            if not is_our_directory(directory):
                return False
            lock = os.open(directory / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        else:
            return True
        finally:
            os.close(lock)
