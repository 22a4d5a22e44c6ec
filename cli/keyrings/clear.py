"""`sentinel keyring clear`: forget temporary sessions."""

from __future__ import annotations

from typing import Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import keyring_options
from cli.layout import clean


@click.command("clear")
@click.argument("profile", required=False)
@keyring_options
def clear(profile: str | None, **flags: Any) -> None:
    """Forget temporary sessions; keys stay.

    Of one profile, or of all. Sessions belong to the profile that has the keys; for one that gets its
    credentials there, they are forgotten for all that do. Who has read a session already can use it until its
    end.
    """
    from sentinel_server import wiring

    settings, keyring = opened(flags)
    owners = {None} if profile is None else {profile, wiring.session_owner(settings, profile)}
    count = sum(run(keyring.keys.clear(owner)) for owner in owners)
    click.echo(clean(f"{count} session{'' if count == 1 else 's'} forgotten."))
