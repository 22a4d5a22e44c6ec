"""`sentinel import`: keys that other tools keep."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "aws-vault": Lazy("cli.imports.aws_vault:aws_vault", "Bring the keys of aws-vault into the keyring."),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group("import", cls=LazyGroup, table=COMMANDS)
def import_() -> None:
    """Bring keys from other tools into the keyring."""
