"""Worker threads that take no signals, so that the main thread learns of every one and from whom it came."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from sentinel_server.threads import block_signals

T = TypeVar("T")


def one_thread(name: str) -> ThreadPoolExecutor:
    """An executor of one thread, which blocks every signal."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name, initializer=block_signals)


async def in_daemon(work: Callable[[], T]) -> T:
    """What `work` returns, from a thread that the end of the process does not wait for."""
    done: Future[T] = Future()
    _start(work, done, "keyring")
    return await asyncio.wrap_future(done)


class DaemonThreads(ThreadPoolExecutor):
    """An executor whose work nobody waits for at the end: a look-up of a name may hang for a minute.

    For an event loop that makes few calls and has to end in time; each call has a thread of its own.
    """

    def submit(self, fn: Callable[..., T], /, *arguments: Any, **options: Any) -> Future[T]:
        """The outcome of a call that has been begun."""
        done: Future[T] = Future()
        _start(lambda: fn(*arguments, **options), done, "lookup")
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nothing."""


def _start(work: Callable[[], T], done: Future[T], name: str) -> None:
    def run() -> None:
        block_signals()
        try:
            result = work()
        except BaseException as error:
            with suppress(Exception):  # whoever waited has gone
                done.set_exception(error)
        else:
            with suppress(Exception):
                done.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
