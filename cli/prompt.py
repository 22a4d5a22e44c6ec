"""Questions to the person at the terminal. Nobody is asked where nobody could answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sentinel_server.errors import BadInput, KeyringLocked, LoginRequired
from sentinel_server.secret import Secret


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


class TerminalPassphrase:
    """Asks for the passphrase of the keyring on the terminal, without showing it."""

    async def __call__(self, *, new: bool, wrong: bool) -> Secret:
        """What was typed, a new one twice. Raises KeyringLocked without a terminal, click.Abort at Ctrl-C."""
        if not _somebody_there():
            raise KeyringLocked("the keyring needs its passphrase, and there is no terminal to ask on")
        if wrong:
            click.echo("sentinel: that is not it", err=True)
        with _interruptible():
            if new:
                text: str = click.prompt(
                    "New passphrase for the keyring", hide_input=True, confirmation_prompt=True, err=True
                )
            else:
                text = click.prompt("Passphrase of the keyring", hide_input=True, err=True)
        return Secret(text)


def ask_text(what: str) -> str:
    """A line that the person types. Raises BadInput without a terminal, click.Abort at Ctrl-C."""
    _require_somebody(what)
    text: str = click.prompt(what[:1].upper() + what[1:], err=True)
    return text.strip()


def ask_secret(what: str) -> Secret:
    """The same, not shown."""
    _require_somebody(what)
    text: str = click.prompt(what[:1].upper() + what[1:], hide_input=True, err=True)
    return Secret(text.strip())


def _somebody_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _require_somebody(what: str) -> None:
    if not _somebody_there():
        raise BadInput(
            f"the {what.removeprefix('its ')} is missing, and there is no terminal to ask on",
            hint="see what else it can be taken from: --help",
        )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end what blocks: asyncio's handler only asks its main task, which waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
