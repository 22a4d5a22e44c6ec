"""Who sits at the terminal: asked for codes, shown logins, and asked for nothing twice."""

from __future__ import annotations

from functools import cache

from cli.output import note
from cli.prompt import TerminalCodes, TerminalPassphrase
from cli.sign_in import TerminalScreen
from sentinel_server.clock import SystemClock
from sentinel_server.credentials.codes import MemorySessions
from sentinel_server.wiring import Visitor


@cache
def at_the_terminal() -> Visitor:
    """The one visitor of this process."""
    return Visitor(
        codes=TerminalCodes(),
        passphrase=TerminalPassphrase(),
        screen=TerminalScreen(),
        sessions=MemorySessions(SystemClock()),
        say=note,
    )
