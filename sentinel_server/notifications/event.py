"""What is told about requests and emergencies. Wire shape 1: add fields with defaults; never rename or reuse.

Names are lower-case, instants are UTC with whole seconds, durations are whole seconds, and nothing is a
secret. `docs/notifications.md` shows every event.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from sentinel_server.clock import whole_seconds
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.canonical import Json

SHAPE = 1
"""The version of the wire shape, in every event as `v`."""

SYSTEM = "system"
"""Who acts when nobody does: time has run out."""

TEXT_LIMIT = 2048
"""Characters of one value; a longer one is cut and ends in `…`."""


class EventType(Enum):
    """What happened; the value is the word on the wire."""

    REQUEST_CREATED = "request.created"
    REQUEST_APPROVED = "request.approved"
    REQUEST_GRANTED = "request.granted"
    REQUEST_DENIED = "request.denied"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_EXPIRED = "request.expired"
    REQUEST_REVOKED = "request.revoked"
    BREAKGLASS_OPENED = "breakglass.opened"
    BREAKGLASS_CLOSED = "breakglass.closed"
    BREAKGLASS_EXPIRED = "breakglass.expired"
    BREAKGLASS_REVIEWED = "breakglass.reviewed"
    BREAKGLASS_ESCALATED = "breakglass.escalated"
    TEST = "sentinel.test"


@frozen
class RequestNews:
    """A request as receivers see it. `approvals` are the votes it has, `ends_at` the end of its window."""

    id: str
    person: str
    user: str
    principal_arn: str
    profile: str
    duration: timedelta
    justification: str
    status: str
    created_at: datetime
    expires_at: datetime
    ticket: str = ""
    approvals: int = 0
    ends_at: datetime | None = None
    extends: str = ""
    auto_rule: str = ""
    comment: str = ""


@frozen
class EmergencyNews:
    """An emergency as receivers see it. `justified` is the reviewer's verdict, None before the review."""

    id: str
    person: str
    user: str
    principal_arn: str
    profile: str
    reason_code: str
    justification: str
    status: str
    duration: timedelta
    created_at: datetime
    ends_at: datetime
    rule: str = ""
    ticket: str = ""
    escalated: bool = False
    mfa_method: str = ""
    comment: str = ""
    justified: bool | None = None


@frozen
class Event:
    """One thing that happened at `at`. `by` is the person who did it, or `SYSTEM`.

    A `drill` gave nothing to anybody. `about` is None for a test alone.
    """

    type: EventType
    at: datetime
    by: str
    about: RequestNews | EmergencyNews | None
    drill: bool = False


def to_fields(event: Event) -> dict[str, Json]:
    """The event as it is stored and sent, without what only the sender can add: links, delivery, commands."""
    said: dict[str, Json] = {
        "v": SHAPE,
        "type": event.type.value,
        "at": whole_seconds(event.at),
        "by": clean(event.by),
        "drill": event.drill,
    }
    if event.about is not None:
        said[kind_of(event.type)] = _details(event.about)
    return said


def kind_of(type_: EventType) -> str:
    """Under which name an event of this type has its details: `request` or `breakglass`."""
    return type_.value.partition(".")[0]


def clean(text: str) -> str:
    """The text, cut to `TEXT_LIMIT` and free of lone surrogates."""
    cut = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")


def _details(about: RequestNews | EmergencyNews) -> dict[str, Json]:
    """Every field that says something; a duration is told by its name to be in seconds."""
    told: dict[str, Json] = {}
    for field in fields(about):
        value = getattr(about, field.name)
        match value:
            case None | "":
                continue
            case timedelta():
                told[f"{field.name}_seconds"] = value // timedelta(seconds=1)
            case datetime():
                told[field.name] = whole_seconds(value)
            case str():
                told[field.name] = clean(value)
            case _:
                told[field.name] = value
    return told
