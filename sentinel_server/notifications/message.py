"""An event made ready to be sent: with its delivery id, links, and the commands to go on with."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from sentinel_server.canonical import Json, canonical
from sentinel_server.frozen import frozen
from sentinel_server.notifications.event import SHAPE, EventType, kind_of

BODY_LIMIT = 64 * 1024
"""Characters of a stored event; SNS takes 256 KiB."""


@frozen
class Message:
    """What every destination gets. A receiver that has seen `delivery_id` before drops it."""

    delivery_id: str
    type: EventType
    fields: Mapping[str, Json]

    @property
    def payload(self) -> bytes:
        """The JSON that is sent: the same bytes at every attempt."""
        return canonical(self.fields)

    @property
    def details(self) -> Mapping[str, Json]:
        """What is told of the request or the emergency; empty for a test."""
        told = self.fields.get(kind_of(self.type))
        return told if isinstance(told, Mapping) else {}

    def text(self, name: str) -> str:
        """One of the details as text, empty when it is not there."""
        value = self.details.get(name)
        return "" if value is None else str(value)


def read_message(body: str, delivery_id: str, link_base: str = "") -> Message:
    """The message of a stored event. Raises ValueError for a text that is none of ours.

    Whoever can write to the store wrote the text; so it is passed on as data, and nothing in it is obeyed.
    """
    if len(body) > BODY_LIMIT:
        raise ValueError("the event is too long")
    try:
        fields = json.loads(body, parse_float=_no_float, parse_constant=_no_float)
    except RecursionError:
        raise ValueError("the event is nested too deeply") from None
    if not isinstance(fields, dict) or fields.get("v") != SHAPE:
        raise ValueError(f"the event is not of wire shape {SHAPE}")
    type_ = EventType(fields.get("type"))
    if type_ is not EventType.TEST and not isinstance(fields.get(kind_of(type_)), dict):
        raise ValueError(f"the event has no {kind_of(type_)}")
    message = Message(delivery_id=delivery_id, type=type_, fields=fields)
    more: dict[str, Json] = {
        "delivery": delivery_id,
        "links": _links(message, link_base),
        "next": _next(message),
    }
    return Message(delivery_id=delivery_id, type=type_, fields={**fields, **more})


def headline(message: Message) -> str:
    """One line for people: what happened, to whom, by whom."""
    about, by = message.text, str(message.fields.get("by", ""))
    drill = "DRILL: " if message.fields.get("drill") is True else ""
    if message.type is EventType.TEST:
        return f"test notification, sent by {by}"
    what = _WORDS[message.type]
    return f"{drill}{what}: {about('profile')} for {about('user') or about('person')}, by {by}"


def _no_float(text: str) -> None:
    raise ValueError(f"an event has no number like {text[:20]}")


def _links(message: Message, base: str) -> dict[str, Json]:
    ident = message.text("id")
    if not (base and ident.isascii() and ident.isalnum()):
        return {}
    return {"self": f"{base.rstrip('/')}/{kind_of(message.type)}/{ident}"}


def _next(message: Message) -> list[Json]:
    """Who may go on with which command; every word is quoted for a shell."""
    words = {"id": shlex.quote(message.text("id")), "profile": shlex.quote(message.text("profile"))}
    return [
        {"for": who, "command": command.format_map(words)} for who, command in _NEXT.get(message.type, ())
    ]


_WORDS = {
    EventType.REQUEST_CREATED: "access requested",
    EventType.REQUEST_APPROVED: "request approved by one",
    EventType.REQUEST_GRANTED: "access granted",
    EventType.REQUEST_DENIED: "request denied",
    EventType.REQUEST_CANCELLED: "request cancelled",
    EventType.REQUEST_EXPIRED: "request expired",
    EventType.REQUEST_REVOKED: "approval revoked",
    EventType.BREAKGLASS_OPENED: "EMERGENCY ACCESS opened",
    EventType.BREAKGLASS_CLOSED: "emergency access closed",
    EventType.BREAKGLASS_EXPIRED: "emergency access expired",
    EventType.BREAKGLASS_REVIEWED: "emergency access reviewed",
    EventType.BREAKGLASS_ESCALATED: "EMERGENCY ACCESS ESCALATED",
}

_LOOK = ("anyone", "sentinel check {id}")
_VOTE = (("approver", "sentinel approve {id}"), ("approver", "sentinel deny {id}"), _LOOK)
_INSPECT = ("security", "sentinel breakglass-check {id}")
_STOP = (_INSPECT, ("security", "sentinel breakglass-close {id} --reason TEXT"))
_JUDGE = (_INSPECT, ("reviewer", "sentinel breakglass-review {id}"))

_NEXT: Mapping[EventType, tuple[tuple[str, str], ...]] = {
    EventType.REQUEST_CREATED: _VOTE,
    EventType.REQUEST_APPROVED: _VOTE,
    EventType.REQUEST_GRANTED: (
        ("requester", "sentinel exec --server --profile {profile} -- COMMAND"),
        _LOOK,
    ),
    EventType.REQUEST_DENIED: (_LOOK,),
    EventType.REQUEST_CANCELLED: (_LOOK,),
    EventType.REQUEST_EXPIRED: (
        ("requester", "sentinel request --profile {profile} --justification TEXT"),
        _LOOK,
    ),
    EventType.REQUEST_REVOKED: (_LOOK,),
    EventType.BREAKGLASS_OPENED: _STOP,
    EventType.BREAKGLASS_ESCALATED: _STOP,
    EventType.BREAKGLASS_CLOSED: _JUDGE,
    EventType.BREAKGLASS_EXPIRED: _JUDGE,
    EventType.BREAKGLASS_REVIEWED: (_INSPECT,),
}
