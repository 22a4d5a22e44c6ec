"""The directory and the files of the keyring: 0700 and 0600, ours alone, and replaced whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.errors import KeyringUnavailable

_LIMIT = 16 * 1024 * 1024
_READ = os.O_RDONLY | sum(
    getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@contextmanager
def keyring_errors(doing: str) -> Iterator[None]:
    """Turn what the system says into KeyringUnavailable."""
    try:
        yield
    except OSError as error:
        raise KeyringUnavailable(f"{doing}: {(error.strerror or 'unknown error').lower()}") from error


def make_home(directory: Path) -> None:
    """Make the directory, every part of it for us alone, or see that it is. Raises KeyringUnavailable."""
    with keyring_errors(f"making {directory}"):
        make_directory(directory)
        found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise KeyringUnavailable(
            f"{directory} is not a directory of its own", hint=f"look at it: ls -ld {directory}"
        )
    _require_ours(directory, found)


def read_private(path: Path) -> str | None:
    """The text of a file that is ours alone; None when it is not there. Raises KeyringUnavailable."""
    try:
        descriptor = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise KeyringUnavailable(f"cannot read {path}: {(error.strerror or '').lower()}") from error
    with keyring_errors(f"reading {path}"), os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise KeyringUnavailable(f"{path} is not a file", hint=f"look at it: ls -l {path}")
        _require_ours(path, found)
        return file.read(_LIMIT).decode("utf-8", "replace")


def replace_private(path: Path, text: str) -> None:
    """Put a new file in the place of the old one, on disk before this returns. Raises KeyringUnavailable."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with keyring_errors(f"writing {path}"):
        try:
            with os.fdopen(os.open(draft, _NEW, 0o600), "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        _sync(path.parent)


def forget_drafts(path: Path) -> None:
    """Remove what writers left that died on the way; for whoever holds the lock on writing."""
    for draft in path.parent.glob(f".{path.name}.*"):
        with suppress(OSError):
            draft.unlink()


def changed_at(path: Path) -> tuple[int, int]:
    """When the file was last replaced: its number and its time, zeros when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_ino, found.st_mtime_ns)


def _require_ours(path: Path, found: os.stat_result) -> None:
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise KeyringUnavailable(f"{path} belongs to somebody else", hint=f"look at it: ls -ld {path}")
    if sys.platform != "win32" and found.st_mode & 0o077:
        mode = "700" if stat.S_ISDIR(found.st_mode) else "600"
        raise KeyringUnavailable(f"{path} is open to others", hint=f"close it: chmod {mode} {path}")


def _sync(directory: Path) -> None:
    if sys.platform != "win32":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
