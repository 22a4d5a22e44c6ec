"""`sentinel policy`: write, check and explain policies."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "explain": Lazy("cli.policies.explain:explain", "Say which rule decides and why earlier ones do not."),
    "test": Lazy("cli.policies.test:test", "Run tests of decisions on a policy file."),
    "validate": Lazy(
        "cli.policies.validate:validate", "Check policy files (- is stdin) and list every problem."
    ),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def policy() -> None:
    """Check and explain policies."""
