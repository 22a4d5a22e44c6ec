"""Worker threads that take no signals, so that the main thread learns of every one and from whom it came."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def one_thread(name: str) -> ThreadPoolExecutor:
    """An executor of one thread, which blocks every signal."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name, initializer=_block_signals)


async def in_daemon(work: Callable[[], T]) -> T:
    """What `work` returns, from a thread that the end of the process does not wait for."""
    done: Future[T] = Future()

    def run() -> None:
        _block_signals()
        try:
            result = work()
        except BaseException as error:
            with suppress(Exception):  # whoever waited has gone
                done.set_exception(error)
        else:
            with suppress(Exception):
                done.set_result(result)

    threading.Thread(target=run, name="keyring", daemon=True).start()
    return await asyncio.wrap_future(done)


def _block_signals() -> None:
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
