"""How far the log has been sent to one place: a small file in its directory, and a lock beside it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sentinel_server.auditlog.chain import FILE_NAME
from sentinel_server.errors import AuditUnavailable

if sys.platform != "win32":
    import fcntl

_FLAGS = os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class FileCursor:
    """A Cursor. What it has forgotten, or what somebody made unreadable, is sent again from the beginning."""

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / f".sent-{name}"
        self._lock = directory / f".sending-{name}"
        self._claimed: int | None = None

    def claim(self) -> bool:
        """Whether no other process of this machine is sending."""
        if self._claimed is not None:
            return True
        try:
            descriptor = os.open(self._lock, os.O_RDWR | _FLAGS, 0o600)
        except OSError:
            return False
        if sys.platform != "win32":
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
        self._claimed = descriptor
        return True

    def release(self) -> None:
        """Let another process send."""
        if self._claimed is not None:
            with suppress(OSError):
                os.close(self._claimed)
            self._claimed = None

    def load(self) -> dict[str, int]:
        """The byte up to which each file has been sent; nothing when that is not known."""
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise AuditUnavailable(f"cannot read {self._path}: {error.strerror}") from error
        except (ValueError, RecursionError):
            return {}
        files = found.get("files") if isinstance(found, dict) else None
        return {
            name: end
            for name, end in (files.items() if isinstance(files, dict) else ())
            if FILE_NAME.fullmatch(name) and isinstance(end, int) and end >= 0
        }

    def save(self, sent: Mapping[str, int]) -> None:
        """Put it on the disk in one step."""
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_TRUNC | _FLAGS, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump({"v": 1, "files": dict(sent)}, file)
            draft.replace(self._path)
        except OSError as error:
            raise AuditUnavailable(f"cannot write {self._path}: {error.strerror}") from error
