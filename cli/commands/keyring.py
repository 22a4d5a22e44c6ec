"""`sentinel keyring`: long-lived access keys, kept encrypted instead of in ~/.aws/credentials."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "add": Lazy("cli.keyrings.add:add", "Keep an access key for a profile."),
    "clear": Lazy("cli.keyrings.clear:clear", "Forget temporary sessions; keys stay."),
    "list": Lazy("cli.keyrings.list_:list_", "List what is kept, and what opens it."),
    "relock": Lazy("cli.keyrings.relock:relock", "Change the passphrase, or what opens the keyring."),
    "remove": Lazy("cli.keyrings.remove:remove", "Forget the access key of a profile."),
    "rotate": Lazy("cli.keyrings.rotate:rotate", "Make a new access key in AWS, and delete the old one."),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def keyring() -> None:
    """Keep access keys encrypted, rotate them, and forget them."""
