"""Questions to the person at the terminal. Nobody is asked where nobody could answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sentinel_server.errors import LoginRequired


class TerminalPrompt:
    """Asks for an MFA code on the terminal, without showing it."""

    async def __call__(self, serial: str) -> str:
        """The code that was typed. Raises LoginRequired without a terminal, click.Abort at Ctrl-C."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise LoginRequired(
                f"the MFA device {serial} wants a code, and there is no terminal to ask on",
                hint="run this in a terminal, or use a profile without mfa_serial",
            )
        with _interruptible():
            code: str = click.prompt(f"MFA code of {serial}", hide_input=True, err=True)
        return code.strip()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end what blocks: asyncio's handler only asks its main task, which waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
