"""Which signals the child gets from us, and which it has already had.

Child and parent share a process group, so what the terminal sends (Ctrl-C, Ctrl-\\, Ctrl-Z, a new window
size) reaches both; sending it on would make one Ctrl-C two, which programs take for "at once, whatever
the cost". What was sent to our process alone is passed on. Linux says who sent a signal; elsewhere one that
the terminal could have sent counts as the terminal's while our group is in the foreground. What another
process sends to the whole group (`kill %1`) cannot be told apart and arrives twice.

A signal that was ignored when we were started (`nohup`, jobs in the background of a script) stays ignored.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from enum import Enum, auto
from signal import Signals
from types import FrameType
from typing import TYPE_CHECKING

from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    import asyncio

assert sys.platform != "win32"  # noqa: S101  read by mypy

_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGTSTP})
"""What a terminal sends to its whole foreground group. A hangup goes to the session's leader first."""

_OURS_ALONE = frozenset({signal.SIGTTIN, signal.SIGTTOU})
"""Kept from stopping us: the child gets its own, and its stop is what we follow."""

HANDLED = frozenset({signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2} | _TERMINAL | _OURS_ALONE)
"""Every signal that does something else than its default while a child runs."""

_WAKE = signal.SIGURG
"""Wakes our own listening thread, which looks whether it is to end; harmless if anybody else sends it."""

_Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


class Origin(Enum):
    """Who caused a signal."""

    KERNEL = auto()
    PROCESS = auto()
    UNKNOWN = auto()


@frozen
class Arrival:
    """A signal that reached us; `sender` is a process id, where the system tells."""

    number: Signals
    origin: Origin = Origin.UNKNOWN
    sender: int | None = None


def has_reached(child: int, arrival: Arrival, *, shares_group: bool, foreground: bool) -> bool:
    """Whether `child` must not be sent this signal again.

    `shares_group`: the child is in our process group; `foreground`: that group has the terminal.
    """
    if arrival.number in _OURS_ALONE or arrival.sender == child:
        return True
    if not shares_group or arrival.number not in _TERMINAL:
        return False
    return arrival.origin is Origin.KERNEL or (arrival.origin is Origin.UNKNOWN and foreground)


def block_signals() -> None:
    """Keep `HANDLED` from being delivered to the calling thread."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)


class Listener:
    """Holds back `HANDLED` from its making until `close`, and tells of each that arrives after `start`.

    To be made in the main thread. Signals are blocked and awaited by a thread, the only way to learn the
    sender. Threads that were there before do not block them, so handlers catch what lands on those.
    """

    def __init__(self) -> None:
        ignored = {number for number in HANDLED if signal.getsignal(number) == signal.SIG_IGN}
        self._numbers = (HANDLED - ignored) | {_WAKE}
        self._before: dict[Signals, _Handler] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closing = False
        self._deliver: Callable[[Arrival], None] = lambda _: None
        self.mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, self._numbers)
        """The signal mask we were started with, which the child shall have too."""

    def start(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Arrival], None]) -> None:
        """From now on call `deliver` in `loop`, the running one, for every signal in the order of arrival."""
        self._deliver = deliver
        for number in sorted(self._numbers):
            self._before[number] = signal.getsignal(number)
            loop.add_signal_handler(number, self._took, Arrival(number=number))
        self._loop = loop
        self._thread = threading.Thread(target=self._listen, args=(loop,), name="signals", daemon=True)
        self._thread.start()

    def take_pending(self) -> list[Signals]:
        """The signals held back so far, which then are ours to pass on."""
        pending = [Signals(number) for number in sorted(signal.sigpending() & self._numbers)]
        for number in pending:
            signal.sigwait({number})
        return pending

    def close(self) -> None:
        """Put everything back, once; what arrived too late for the child is dropped.

        While the loop runs, if it was started.
        """
        if self._closing:
            return
        self._closing = True
        if self._thread is not None and self._thread.ident is not None:
            signal.pthread_kill(self._thread.ident, _WAKE)
            self._thread.join()
        self.take_pending()
        for number, handler in self._before.items():
            if self._loop is not None:
                self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self.mask_before)

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            arrival = _next(self._numbers)
            if self._closing and arrival.number is _WAKE:
                return
            loop.call_soon_threadsafe(self._took, arrival)

    def _took(self, arrival: Arrival) -> None:
        if arrival.number is not _WAKE:
            self._deliver(arrival)


def _next(numbers: frozenset[Signals]) -> Arrival:
    if sys.platform != "darwin":
        info = signal.sigwaitinfo(numbers)
        # sigaction(2): what the kernel itself sends has a positive si_code, what processes send has not.
        origin = Origin.KERNEL if info.si_code > 0 else Origin.PROCESS
        return Arrival(number=Signals(info.si_signo), origin=origin, sender=info.si_pid or None)
    else:
        return Arrival(number=Signals(signal.sigwait(numbers)))
