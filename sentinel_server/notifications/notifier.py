"""Where messages go, as a port."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from sentinel_server.frozen import frozen
from sentinel_server.notifications.event import EventType
from sentinel_server.notifications.message import Message


class Notifier(Protocol):
    """Hands messages to one place. May hand over one message twice, when its first answer was lost."""

    async def send(self, message: Message, within: timedelta) -> None:
        """Return once the other side has taken it. Raises NotificationFailed, within about that time."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@frozen
class Destination:
    """A notifier by the name under which its progress is remembered, and what it wants to hear of."""

    name: str
    notifier: Notifier
    types: frozenset[EventType] = frozenset(EventType)
