"""Questions to the person at the terminal. Nobody is asked where nobody could answer."""

from __future__ import annotations

import re
import sys

import click

from cli.layout import clean
from cli.output import aside, interruptible, note
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.errors import BadInput, KeyringLocked, LoginRequired
from sentinel_server.secret import Secret

_CODE = re.compile(r"[0-9]{6}", re.ASCII)

_TRIES = 3
"""How often somebody may mistype a code."""


class TerminalCodes:
    """A CodeSource that asks on the terminal, without showing what is typed."""

    async def code(self, ask: CodeAsk) -> str | None:
        """The code that was typed; None where nobody can be asked, or when enough were refused.

        Raises LoginRequired at the end of input, click.Abort at Ctrl-C.
        """
        if not ask.attended or ask.refused >= _TRIES or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        with aside():
            if ask.refused:
                note("AWS did not accept that code; try the next one")
            while True:
                typed = _hidden(f"MFA code of {ask.serial}").strip()
                if _CODE.fullmatch(typed):
                    return typed
                note("a code has six digits")


def _hidden(question: str) -> str:
    with interruptible():
        try:
            return str(click.prompt(clean(question), hide_input=True, err=True))
        except click.Abort as end:
            if isinstance(end.__context__, EOFError):
                raise LoginRequired("no code was given", hint="try again, and type the code") from None
            raise


class TerminalPassphrase:
    """Asks for the passphrase of the keyring on the terminal, without showing it."""

    async def __call__(self, *, new: bool, wrong: bool) -> Secret:
        """What was typed, a new one twice. Raises KeyringLocked without a terminal, click.Abort at Ctrl-C."""
        if not somebody_there():
            raise KeyringLocked("the keyring needs its passphrase, and there is no terminal to ask on")
        if wrong:
            click.echo("sentinel: that is not it", err=True)
        with interruptible():
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
    with interruptible():
        text: str = click.prompt(clean(what[:1].upper() + what[1:]), err=True)
    return text.strip()


def ask_secret(what: str) -> Secret:
    """The same, not shown."""
    _require_somebody(what)
    with interruptible():
        text: str = click.prompt(clean(what[:1].upper() + what[1:]), hide_input=True, err=True)
    return Secret(text.strip())


def somebody_there() -> bool:
    """Whether there is a terminal to ask on."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _require_somebody(what: str) -> None:
    if not somebody_there():
        raise BadInput(
            f"the {what.removeprefix('its ')} is missing, and there is no terminal to ask on",
            hint="see what else it can be taken from: --help",
        )
