"""`sentinel config`: what is set, and documents of every kind."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "generate": Lazy("cli.configs.generate:generate", "Write documents to start from."),
    "get": Lazy("cli.configs.get:get", "Print the value of one setting."),
    "schema": Lazy("cli.configs.schema:schema", "Print the JSON Schema of one kind of document."),
    "set": Lazy("cli.configs.set_:set_", "Write settings into config.yaml."),
    "show": Lazy("cli.configs.show:show", "Show every setting and where it came from."),
    "unset": Lazy("cli.configs.unset:unset", "Take settings out of config.yaml."),
    "validate": Lazy(
        "cli.configs.validate:validate", "Check documents of every kind and list every problem."
    ),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def config() -> None:
    """Show and set what is configured; check documents."""
