"""One decision, for what is handed over once: to an SDK, to a shell, or to a command that we become."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cli.visitor import at_the_terminal
from sentinel_server import wiring
from sentinel_server.access.facts import Ask
from sentinel_server.access.once import issue_once
from sentinel_server.errors import BadInput
from sentinel_server.policy.durations import parse_duration

if TYPE_CHECKING:
    from cli.wish import Wish
    from sentinel_server.access.seat import Issued
    from sentinel_server.policy.schema import Mode
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Door


async def once(settings: Settings, wish: Wish, mode: Mode) -> tuple[Issued, Door]:
    """One decision for a one-shot door, with its credentials. Raises the refusal."""
    ask = Ask(profile=wish.profile, mode=mode, duration=_duration(wish.duration), lease=settings.lease)
    visitor = replace(at_the_terminal(), mfa_token=wish.mfa_token)
    async with wiring.open_door(settings, ask, visitor) as door:
        return await issue_once(door.gate, door.seat), door


def _duration(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise BadInput(f"--duration {text!r}: {error}") from None
