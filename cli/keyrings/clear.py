"""`sentinel keyring clear`: forget temporary sessions."""

from __future__ import annotations

from typing import Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import keyring_options


@click.command("clear")
@click.argument("profile", required=False)
@keyring_options
def clear(profile: str | None, **flags: Any) -> None:
    """Forget temporary sessions; keys stay.

    Of one profile, or of all. Who has read a session already can use it until its end.
    """
    _, keyring = opened(flags)
    count = run(keyring.keys.clear(profile))
    click.echo(f"{count} session{'' if count == 1 else 's'} forgotten.")
