"""The files that people configure us with: read as they are, and replaced whole or not at all, 0600.

Several are replaced together: every draft is on the disk before the first name changes, and when one cannot
be renamed those before it get their old text back.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.adapters.local.log_directory import sync_directory
from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen

if sys.platform != "win32":
    import fcntl

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@frozen
class NewText:
    """What a file is to hold, and what it held when that was decided; None for a file that is not there."""

    path: Path
    data: bytes
    seen: bytes | None


def read_own(path: Path) -> bytes | None:
    """What is in the file, None when it is not there. Raises SentinelError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed("read", path, error) from error


def replace_own(texts: Sequence[NewText]) -> None:
    """Write all of these, or none. A link is followed: what it leads to is what people keep.

    Raises SentinelError, also when one of them has changed since it was seen.
    """
    targets = [(Path(os.path.realpath(text.path)), text) for text in texts]
    with ExitStack() as stack:
        for directory in sorted({path.parent for path, _ in targets}):
            stack.enter_context(_turn(directory))
        for path, text in targets:
            if read_own(path) != text.seen:
                raise SentinelError(f"{path} was changed meanwhile; nothing was written", hint="try again")
        drafts = [(stack.enter_context(_draft(path, text.data)), path, text.seen) for path, text in targets]
        rename_all(drafts)


def rename_all(drafts: Sequence[tuple[Path, Path, bytes | None]]) -> None:
    """Put each draft in the place of its file, or leave all files with the old texts, which come third.

    Raises SentinelError.
    """
    with ExitStack() as undo:
        for draft, path, seen in drafts:
            try:
                draft.replace(path)
                sync_directory(path.parent)
            except OSError as error:
                raise _failed("write", path, error) from error
            undo.callback(_put_back, path, seen)
        undo.pop_all()


def _put_back(path: Path, seen: bytes | None) -> None:
    if seen is None:
        path.unlink()
    else:
        with _draft(path, seen) as draft:
            draft.replace(path)


@contextmanager
def _draft(path: Path, data: bytes) -> Iterator[Path]:
    """The text on the disk beside the file it is for; gone afterwards, if nobody renamed it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, _NEW, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise _failed("write", path, error) from error
    try:
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink()


@contextmanager
def _turn(directory: Path) -> Iterator[None]:
    """One writer of a directory at a time, as long as the body runs; the directory is made if need be."""
    try:
        make_directory(directory)
        descriptor = _opened(directory)
    except OSError as error:
        raise _failed("write in", directory, error) from error
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


if sys.platform == "win32":

    def _opened(directory: Path) -> int | None:
        """A directory cannot be locked there."""

else:

    def _opened(directory: Path) -> int | None:
        """The directory, locked until it is closed."""
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor


def _failed(doing: str, path: Path, error: OSError) -> SentinelError:
    why = (error.strerror or "unknown error").lower()
    return SentinelError(f"cannot {doing} {path}: {why}", hint=f"look at it: ls -ld {path}")
