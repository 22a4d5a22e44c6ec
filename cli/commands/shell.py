"""`sentinel shell`: what a shell gets from us."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "complete": Lazy("cli.shells.complete:complete", "Answer a shell that completes.", hidden=True),
    "init": Lazy("cli.shells.init:init", "Print what goes into a shell's start-up file."),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def shell() -> None:
    """Make a shell know sentinel: a function to switch, and completion."""
