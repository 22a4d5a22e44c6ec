"""Commands that fail in ways nobody foresaw."""

from __future__ import annotations

import click


@click.command()
def command() -> None:
    """Breaks."""
    raise KeyError("canary-secret")


@click.command()
def interrupted() -> None:
    """Is interrupted."""
    raise KeyboardInterrupt
