"""`sentinel audit`: read the audit log, and see whether it is as it was written."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "search": Lazy("cli.audits.search:search", "Find entries by person, profile, request, session and time."),
    "ship": Lazy("cli.audits.ship:ship", "Send what cloudwatch and syslog do not have yet."),
    "tail": Lazy("cli.audits.tail:tail", "Show the newest entries, and new ones as they come."),
    "verify-logs": Lazy(
        "cli.audits.verify:verify_logs",
        "Tell whether log lines were changed, removed, reordered, repeated or cut.",
    ),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def audit() -> None:
    """Read the audit log, and check it."""
