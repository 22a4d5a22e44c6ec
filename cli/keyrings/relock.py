"""`sentinel keyring relock`: another passphrase, or another place for the key that opens the keyring."""

from __future__ import annotations

from typing import Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import backend_option, keyring_options
from cli.layout import clean
from cli.options import own_option


@click.command("relock")
@own_option("KEYRING", "--to", metavar="KIND", help="os, file or MODULE.CLASS; else as --backend.")
@keyring_options
@backend_option
def relock(to: str | None, **flags: Any) -> None:
    """Change the passphrase, or what opens the keyring.

    Opens it as it is opened now and then lets it be opened as --to says: with --to file by a new passphrase,
    with --to os by the system's keyring. What is kept stays. The new passphrase is asked for on the terminal,
    or taken from SENTINEL_KEYRING_NEW_PASSPHRASE.
    """
    from sentinel_server.errors import BadInput
    from sentinel_server.settings.table import read_backend

    settings, keyring = opened(flags)
    try:
        wanted = read_backend(to) if to else settings.keyring_backend
    except ValueError as error:
        raise BadInput(f"--to {to!r}: {error}") from None
    run(keyring.vault.relock(keyring.holder(wanted)))
    click.echo(clean(f"{keyring.path} is now opened by {keyring.opener()}."))
