"""Click types for values of ours. Each is a function that click calls with the text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sentinel_server.sessions.model import BlockKey


def session_id(text: str) -> str:
    """16 lower-case hex digits. Raises InvalidIdentifier."""
    from sentinel_server.sessions.model import parse_session_id

    return parse_session_id(text)


def event_id(text: str) -> str:
    """16 lower-case hex digits. Raises InvalidIdentifier."""
    from sentinel_server.breakglass.rows import parse_event_id

    return parse_event_id(text)


def span(text: str) -> timedelta:
    """A stretch of time such as `7d`, `24h` or `1d12h`. Raises BadParameter; click adds the option."""
    from sentinel_server.policy.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}") from None


def moment(text: str) -> datetime | timedelta:
    """An instant (`2026-03-01`, `2026-03-01T09:00Z`; UTC unless it says) or so long ago (`2h`, `7d`).

    Raises BadParameter.
    """
    if not text[:4].isdigit() or "-" not in text:
        return span(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r}: 2h, 7d, 2026-03-01 or 2026-03-01T09:00Z is wanted") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def block_key(text: str) -> BlockKey:
    """What a block covers: `person:KEY`, `profile:NAME` or `everyone`. Raises BadInput."""
    from sentinel_server.errors import BadInput
    from sentinel_server.sessions.model import BlockKey, Scope

    scope, _, name = text.partition(":")
    if scope not in {known.value for known in Scope}:
        raise BadInput(
            f"{text!r} is not the key of a block (person:KEY, profile:NAME or everyone)",
            hint="list them: sentinel server-blocks",
        )
    return BlockKey(scope=Scope(scope), name=name)
