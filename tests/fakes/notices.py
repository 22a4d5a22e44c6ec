"""Events worth telling, and destinations that take them, refuse them, stall or die over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sentinel_server.breakglass.model import Emergency
from sentinel_server.breakglass.news import emergency_event
from sentinel_server.notifications.event import Event, EventType
from sentinel_server.notifications.message import Message
from sentinel_server.policy.breakglass import ReasonCode
from sentinel_server.requests.model import AccessRequest
from sentinel_server.requests.news import request_event
from tests.fakes.clock import NOON

HOUR = timedelta(hours=1)


def a_request(**changes: object) -> AccessRequest:
    """Alice asks for an hour of `prod`."""
    said: dict[str, object] = {
        "id": "00000000000000aa",
        "person": "iam:111122223333:alice",
        "user": "alice",
        "principal_arn": "arn:aws:iam::111122223333:user/alice",
        "profile": "prod",
        "duration": HOUR,
        "justification": "rotate the keys",
        "created_at": NOON,
        "expires_at": NOON + 8 * HOUR,
        "ticket": "OPS-7",
    }
    return AccessRequest(**{**said, **changes})  # type: ignore[arg-type]


def an_emergency(**changes: object) -> Emergency:
    """Alice breaks the glass of `prod` for an hour."""
    said: dict[str, object] = {
        "id": "bb" * 16,
        "person": "iam:111122223333:alice",
        "user": "alice",
        "principal_arn": "arn:aws:iam::111122223333:user/alice",
        "profile": "prod",
        "reason_code": ReasonCode.INCIDENT,
        "justification": "the database does not answer",
        "created_at": NOON,
        "duration": HOUR,
        "rule": "on call",
    }
    return Emergency(**{**said, **changes})  # type: ignore[arg-type]


def asked(type_: EventType = EventType.REQUEST_CREATED, **changes: object) -> Event:
    """That Alice's request was made, or what else became of it."""
    return request_event(type_, a_request(**changes), at=NOON, by="iam:111122223333:alice")


def opened(type_: EventType = EventType.BREAKGLASS_OPENED, **changes: object) -> Event:
    """That Alice's emergency was opened, or what else became of it."""
    return emergency_event(type_, an_emergency(**changes), at=NOON, by="iam:111122223333:alice")


@dataclass(slots=True)
class Inbox:
    """A Notifier that keeps what it is sent. `behaviour` runs first and may raise; `stalls` never answers.

    `on_send` is called with each message before anything else, as the moment to let others act.
    """

    behaviour: Exception | None = None
    stalls: bool = False
    on_send: Callable[[Message], None] = lambda _: None
    got: list[Message] = field(default_factory=list)
    tries: int = 0
    closed: bool = False

    async def send(self, message: Message, within: timedelta) -> None:
        """Take the message, or not."""
        self.tries += 1
        self.on_send(message)
        await asyncio.sleep(0)
        if self.stalls:
            await asyncio.Event().wait()
        if self.behaviour is not None:
            raise self.behaviour
        self.got.append(message)

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    @property
    def ids(self) -> list[str]:
        """The delivery ids it was given, doubles included."""
        return [message.delivery_id for message in self.got]
