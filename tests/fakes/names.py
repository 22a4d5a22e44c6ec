"""A resolver that never answers, until it may say that it knows nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn

from cli.loop import CommandLoop
from tests.fakes.processes import DEADLINE


class Names:
    """How often it was `asked`; once it is `over`, no name is found."""

    def __init__(self) -> None:
        self.asked = 0
        self.over = threading.Event()

    def look_up(self, *_: object) -> NoReturn:
        """In place of `socket.getaddrinfo`."""
        self.asked += 1
        self.over.wait(DEADLINE)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@contextmanager
def names_that_never_come() -> Iterator[tuple[asyncio.Runner, Names]]:
    """What runs a coroutine in the loop of a command, and its resolver, which is over at the end."""
    names = Names()
    try:
        with asyncio.Runner(loop_factory=partial(CommandLoop, names.look_up)) as runner:
            yield runner, names
    finally:
        names.over.set()
