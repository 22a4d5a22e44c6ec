"""The directory of audit log files, its key, and how far the files in it have come."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.auditlog.chain import FILE_NAME, Head, SealKey, parse_key
from sentinel_server.auditlog.lines import Line, parse_line
from sentinel_server.errors import AuditUnavailable

if sys.platform != "win32":
    import fcntl

HEADS = 8
"""How many of the newest files an opening line speaks of."""

_TAIL = 256 * 1024
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def audit_errors(directory: Path) -> Iterator[None]:
    """Turn what the system says into AuditUnavailable."""
    try:
        yield
    except OSError as error:
        raise AuditUnavailable(
            f"cannot write the audit log in {directory}: {error.strerror or error}"
        ) from error


def private_directory(directory: Path) -> None:
    """Make the directory, or see that nobody else can put files into it.

    Raises AuditUnavailable when somebody can or when it is a link; OSError when it cannot be made.
    """
    make_directory(directory.parent)
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise _refused(directory, "it is not a directory of its own", "remove it, or name another place")
    if why := why_not_ours(found):
        mend = "name another place" if "belongs" in why else f"close it: chmod 700 {directory}"
        raise _refused(directory, f"it {why}", mend)


def sync_directory(directory: Path) -> None:
    """Put the names of the files in it on the disk."""
    if sys.platform != "win32":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def load_key(path: Path) -> SealKey:
    """The key in the file, which is made on first use.

    Raises AuditUnavailable when the file is not private or holds no key; OSError when it cannot be read.
    """
    with suppress(FileNotFoundError):
        return _read_key(path)
    _make_key(path)
    return _read_key(path)


def _read_key(path: Path) -> SealKey:
    descriptor = os.open(path, _READ)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode) or (sys.platform != "win32" and mode & 0o077):
            raise _refused(
                path, "the key must be a file that only its owner can read", f"close it: chmod 600 {path}"
            )
        text = file.read(200).decode("ascii", "replace")
    try:
        return parse_key(text)
    except ValueError:
        raise _refused(path, "the file holds no key", f"move it away: mv {path} {path}.broken") from None


def _make_key(path: Path) -> None:
    """Write a key beside its place and link it in: two processes that start together agree on one."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_directory(path.parent)


def heads(directory: Path) -> list[Head]:
    """How far the newest files have come, as their last whole line on disk says; best effort."""
    names = sorted(name for name in os.listdir(directory) if FILE_NAME.fullmatch(name))
    found: list[Head] = []
    for name in names[-HEADS:]:
        with suppress(OSError):
            head = _head(directory / name)
            found += [head] if head else []
    return found


def last_line(descriptor: int, size: int, *, ended: bool = True) -> Line | None:
    """The last whole line of a file of that size; None when it is none, or with `ended` not the end of it.

    Raises OSError.
    """
    start = max(0, size - _TAIL)
    os.lseek(descriptor, start, os.SEEK_SET)
    *whole, rest = os.read(descriptor, size - start).split(b"\n")
    return parse_line(0, whole[-1]) if whole and not (ended and rest) else None


def _head(path: Path) -> Head | None:
    descriptor = os.open(path, _READ)
    try:
        if sys.platform != "win32":
            fcntl.flock(
                descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB
            )  # its writer may be about to take lines back
        line = last_line(descriptor, os.fstat(descriptor).st_size, ended=False)
        with suppress(OSError):
            os.fsync(descriptor)  # a line that we speak of must not be lost when the machine stops
    finally:
        os.close(descriptor)
    return None if line is None else line.head(path.name)


def _refused(path: Path, why: str, hint: str) -> AuditUnavailable:
    return AuditUnavailable(f"cannot use {path} for the audit log: {why}", hint=hint)
