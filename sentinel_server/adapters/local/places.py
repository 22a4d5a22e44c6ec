"""Looks at our own files and directories, and opens none of them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from sentinel_server.adapters.local.ownership import why_not_ours
from sentinel_server.diagnosis.places import Kind, Seen


def look_at(path: Path) -> Seen:
    """What is at a path, a link being what it leads to. Raises nothing: what cannot be seen is OTHER."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Seen(path=path, kind=Kind.MISSING)
    except OSError:
        return Seen(path=path, kind=Kind.OTHER)
    kind = Kind.OTHER
    if stat.S_ISREG(found.st_mode):
        kind = Kind.FILE
    elif stat.S_ISDIR(found.st_mode):
        kind = Kind.DIRECTORY
    mode = None if sys.platform == "win32" else stat.S_IMODE(found.st_mode)
    return Seen(path=path, kind=kind, foreign=why_not_ours(found), mode=mode)


def read_token(path: Path) -> tuple[str, str]:
    """What a token file holds, and why it cannot be read, one of the two being empty."""
    try:
        return path.read_text(encoding="utf-8"), ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        return "", (why or "it is no text").lower()
