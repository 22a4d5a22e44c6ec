"""What receivers are told of a request."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.notifications.event import Event, EventType, RequestNews
from sentinel_server.requests.model import AccessRequest


def request_event(
    type_: EventType, request: AccessRequest, *, at: datetime, by: str, comment: str = ""
) -> Event:
    """The event that something has happened to a request, which is given as it is afterwards."""
    about = RequestNews(
        id=request.id,
        person=request.person,
        user=request.user,
        principal_arn=request.principal_arn,
        profile=request.profile,
        duration=request.duration,
        justification=request.justification,
        status=request.status(at).value,
        created_at=request.created_at,
        expires_at=request.expires_at,
        ticket=request.ticket,
        approvals=len(request.votes),
        ends_at=request.ends_at,
        extends=request.extends,
        auto_rule=request.auto_rule,
        comment=comment,
    )
    return Event(type=type_, at=at, by=by, about=about)
