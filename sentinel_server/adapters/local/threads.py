"""Worker threads that take no signals, so that the main thread learns of every one and from whom it came."""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor


def one_thread(name: str) -> ThreadPoolExecutor:
    """An executor of one thread, which blocks every signal."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name, initializer=_block_signals)


def _block_signals() -> None:
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
