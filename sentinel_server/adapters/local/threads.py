"""Worker threads that take no signals, so that the main thread learns of every one and from whom it came."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from sentinel_server.threads import block_signals
from sentinel_server.workers import Workers

T = TypeVar("T")


def one_thread(name: str) -> ThreadPoolExecutor:
    """An executor of one thread, which blocks every signal; the end of the process waits for what it does.

    What it refuses, because the system has no thread for it, is not done later either.
    """
    return _OneThread(max_workers=1, thread_name_prefix=name, initializer=block_signals)


class _OneThread(ThreadPoolExecutor):
    def submit(self, fn: Callable[..., T], /, *arguments: Any, **options: Any) -> Future[T]:
        refused = False

        def unless_refused() -> T:
            if refused:
                raise RuntimeError("this was refused when there was no thread")
            return fn(*arguments, **options)

        try:
            return super().submit(unless_refused)
        except RuntimeError:  # it has been queued all the same, for the first thread there is
            refused = True
            raise


async def in_daemon(work: Callable[[], T]) -> T:
    """What `work` returns, from a thread that the end of the process does not wait for."""
    return await Workers("keyring").run(work)


class DaemonThreads(ThreadPoolExecutor):
    """An executor whose work nobody waits for at the end: a file of a share that is gone hangs for minutes.

    For an event loop that makes few calls and has to end in time; each call has a thread of its own.
    """

    def submit(self, fn: Callable[..., T], /, *arguments: Any, **options: Any) -> Future[T]:
        """The outcome of a call that has been begun."""
        done: Future[T] = Future()

        def run() -> None:
            block_signals()
            try:
                result = fn(*arguments, **options)
            except BaseException as error:
                with suppress(Exception):  # whoever waited has gone
                    done.set_exception(error)
            else:
                with suppress(Exception):
                    done.set_result(result)

        threading.Thread(target=run, name="unawaited", daemon=True).start()
        return done

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nothing."""
