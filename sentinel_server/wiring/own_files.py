"""The files that people configure us with, for the commands that write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel_server.adapters.local.own_files import NewText


def read_own_file(path: Path) -> bytes | None:
    """What is in the file, None when it is not there. Raises SentinelError."""
    from sentinel_server.adapters.local.own_files import read_own

    return read_own(path)


def replace_own_files(texts: Mapping[Path, bytes], seen: Mapping[Path, bytes | None]) -> None:
    """Write all of these, 0600, or none: not when one is no longer what was `seen`. Raises SentinelError."""
    from sentinel_server.adapters.local.own_files import NewText, replace_own

    new: Sequence[NewText] = [
        NewText(path=path, data=data, seen=seen.get(path)) for path, data in texts.items()
    ]
    replace_own(new)
