"""Threads that take no signals, so that the main thread learns of every one and from whom it came.

A signal to the process goes to any thread that does not block it, and a thread has the mask of whoever
started it: one that is there before a child takes what is meant for the child.
"""

from __future__ import annotations

import signal
import sys


def block_signals() -> None:
    """Keep every signal from the calling thread; what every thread of ours does first."""
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
