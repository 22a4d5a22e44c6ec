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
    """32 lower-case hex digits. Raises InvalidIdentifier."""
    from sentinel_server.breakglass.rows import parse_event_id

    return parse_event_id(text)


def record_id(text: str) -> str:
    """The id of a request or an emergency. Raises InvalidIdentifier."""
    from sentinel_server.breakglass.rows import is_event_id
    from sentinel_server.errors import InvalidIdentifier
    from sentinel_server.requests.rows import is_request_id

    if not is_request_id(text) and not is_event_id(text):
        raise InvalidIdentifier(
            f"{text!r} is not the id of a request (16 lower-case hex digits) or of an emergency (32)",
            hint="list them: sentinel list; sentinel breakglass-list",
        )
    return text


def person_key(text: str) -> str:
    """The key of a person, as `sentinel whoami` has it. Raises BadInput."""
    from cli.people import FORMS, is_key
    from sentinel_server.errors import BadInput

    if is_key(text):
        return text
    near = f"did you mean sso:{text}? " if "@" in text and ":" not in text else ""
    raise BadInput(
        f"{text!r} is not the key of a person, which is {FORMS}",
        hint=f"{near}see your own: sentinel whoami",
    )


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
    from sentinel_server.policy.durations import parse_duration

    dated = text[:4].isdigit() and "-" in text
    try:
        instant = datetime.fromisoformat(text) if dated else parse_duration(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; write how long ago (2h, 7d, 1d12h) or when in UTC (2026-03-01, "
            "2026-03-01T09:00)"
        ) from None
    if isinstance(instant, timedelta):
        return instant
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
