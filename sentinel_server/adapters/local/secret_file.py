"""A secret in a file of its own, which nobody but its owner and their group may read."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from sentinel_server.errors import InvalidSetting
from sentinel_server.secret import Secret

LIMIT = 16 * 1024
_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def read_secret_file(path: Path) -> Secret:
    """The text of the file. Raises InvalidSetting when it cannot be read, is empty, or everybody's."""
    try:
        descriptor = os.open(path, _FLAGS)
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            data = file.read(LIMIT + 1) if stat.S_ISREG(status.st_mode) else b""
    except OSError as error:
        raise InvalidSetting(f"the secret in {path} cannot be read: {error.strerror}") from error
    if sys.platform != "win32" and status.st_mode & 0o007:
        raise InvalidSetting(f"everybody can read the secret in {path}", hint=f"chmod 600 {path}")
    if not data.strip() or len(data) > LIMIT:
        raise InvalidSetting(f"{path} is not a file of 1 to {LIMIT} bytes")
    try:
        return Secret(data.decode())
    except UnicodeDecodeError:
        raise InvalidSetting(f"{path} is not text") from None
