"""What the commands of the group share: the keyring, with a person to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.context import settings_from
from cli.options import flags_of

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import UserKeyring


def opened(flags: dict[str, Any]) -> tuple[Settings, UserKeyring]:
    """The settings in force and the keyring they name."""
    from cli.output import note
    from cli.prompt import TerminalPassphrase
    from sentinel_server import wiring

    settings = settings_from(flags_of(flags))
    return settings, wiring.open_keyring(settings, TerminalPassphrase(), note)
