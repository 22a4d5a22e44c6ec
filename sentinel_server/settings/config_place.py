"""The bytes of `config.yaml`, if nobody else can have written them.

It may name commands, where policies are and whether a log must be kept: whoever writes it acts as its user.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from sentinel_server.errors import InvalidSetting

CONFIG_BYTES = 64 * 1024
"""As for every document; what is larger is not read."""

_OPEN = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def read_config(path: Path) -> bytes:
    """What is in the file; a link to it is followed.

    Raises InvalidSetting when it is no file, is too large, or when on POSIX the file or its directory can be
    written by others than this user and the superuser; OSError when it cannot be read.
    """
    # Opened before it is looked at, so that what is checked is what is read. A FIFO must not block.
    with os.fdopen(os.open(path, _OPEN), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise InvalidSetting(f"cannot read {path}: not a file", hint=f"look at it: ls -l {path}")
        _refuse_others(path, found)
        _refuse_others(path.parent, path.parent.stat(), sticky=True)
        data = file.read(CONFIG_BYTES + 1)
    if len(data) > CONFIG_BYTES:
        raise InvalidSetting(f"{path} is larger than {CONFIG_BYTES // 1024} KiB", hint="see docs/settings.md")
    return data


def _refuse_others(place: Path, found: os.stat_result, *, sticky: bool = False) -> None:
    if sys.platform != "win32":
        if found.st_uid not in (os.geteuid(), 0):
            mend = f"when you have read it, make it yours: sudo chown $USER {place}"
            raise InvalidSetting(f"{place} belongs to another user (uid {found.st_uid})", hint=mend)
        safe = sticky and found.st_mode & stat.S_ISVTX
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not safe:
            raise InvalidSetting(f"{place} can be written by others", hint=f"forbid it: chmod go-w {place}")
