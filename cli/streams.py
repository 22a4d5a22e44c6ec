"""Output that nobody reads any more: a closed terminal, a pipe whose reader has left."""

from __future__ import annotations

import os
from typing import TextIO


def flush_or_forget(stream: TextIO) -> None:
    """Write out what is buffered; if it can go nowhere, drop it, now and from now on.

    Otherwise Python would fail to write it at its end, and exit with 120 instead of our status.
    """
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        if nowhere != stream.fileno():  # as it would be if that one was closed
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
