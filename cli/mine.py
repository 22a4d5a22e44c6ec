"""`--mine` and `--to-approve`: whose rows those are is said, as that depends on credentials, not on users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel_server.errors import SentinelError, UnknownProfile

if TYPE_CHECKING:
    from sentinel_server.identity.principal import Principal
    from sentinel_server.settings.resolve import Settings

ANOTHER = "as somebody else: --aws-profile NAME"
"""What to add to a command that was meant to be about somebody else's credentials."""


async def oneself(settings: Settings, profile: str | None = None) -> str:
    """The key of whoever asks for their own, which a note says; raises what `who_asks` does."""
    return settings.persons.key(await who_asks(settings, "--mine", "those of", profile))


async def who_asks(settings: Settings, option: str, whose: str, profile: str | None = None) -> Principal:
    """Who asks, which a note says. Of a profile that is known its base says who, else the credentials that
    operators' commands use.

    Raises what kept AWS from telling, with what to add to the command.
    """
    from cli.output import aside, note
    from sentinel_server.wiring import control_name, whoami

    used = control_name(settings) if profile is None else profile
    try:
        principal = await whoami(settings, profile)
    except SentinelError as error:
        if profile is not None and isinstance(error, UnknownProfile):
            return await who_asks(settings, option, whose)
        why = f"{option} asks AWS who you are, and profile {used!r} cannot tell: {error.message}"
        raise type(error)(why, hint="; or ".join(filter(None, (error.hint, ANOTHER)))) from error
    more = f"; {ANOTHER}" if profile is None else ""
    with aside():
        note(f"{whose} {settings.persons.key(principal)}, whose credentials profile {used!r} has{more}")
    return principal
