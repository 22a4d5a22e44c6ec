"""Questions to the person at the terminal. Nobody is asked where nobody could answer."""

from __future__ import annotations

import sys

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
        code: str = click.prompt(f"MFA code of {serial}", hide_input=True, err=True)
        return code.strip()
