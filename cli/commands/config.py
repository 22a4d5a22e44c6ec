"""`sentinel config`: what is set, and documents of every kind."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "generate": Lazy("cli.configs.generate:generate", "Write documents to start from."),
    "schema": Lazy("cli.configs.schema:schema", "Print the JSON Schema of one kind of document."),
    "show": Lazy("cli.configs.show:show", "Show every setting and where it came from."),
    "validate": Lazy(
        "cli.configs.validate:validate", "Check documents of every kind and list every problem."
    ),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def config() -> None:
    """Show what is configured; write and check documents."""
