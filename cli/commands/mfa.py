"""`sentinel mfa`: second factors, enrolled by the person, looked at, and taken away."""

from __future__ import annotations

import click

from cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "enroll": Lazy("cli.factors.enroll:enroll", "Enrol an authenticator, or a telephone."),
    "remove": Lazy("cli.factors.remove:remove", "Take a second factor away."),
    "status": Lazy("cli.factors.status:status", "Say what is enrolled."),
}
"""Every command of the group; a test holds the summaries to what the commands say of themselves."""


@click.group(cls=LazyGroup, table=COMMANDS)
def mfa() -> None:
    """Enrol a second factor for emergencies."""
