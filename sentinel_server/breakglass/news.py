"""What receivers are told of an emergency."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.breakglass.model import Emergency
from sentinel_server.notifications.event import EmergencyNews, Event, EventType


def emergency_event(type_: EventType, event: Emergency, *, at: datetime, by: str, comment: str = "") -> Event:
    """The event that something has happened to an emergency, which is given as it is afterwards."""
    about = EmergencyNews(
        id=event.id,
        person=event.person,
        user=event.user,
        principal_arn=event.principal_arn,
        profile=event.profile,
        reason_code=event.reason_code.value,
        justification=event.justification,
        status=event.state(at).value,
        duration=event.duration,
        created_at=event.created_at,
        ends_at=event.ends_at,
        rule=event.rule,
        ticket=event.ticket,
        escalated=event.escalated,
        mfa_method=event.mfa.method if event.mfa is not None else "",
        comment=comment,
        justified=None if event.review is None else event.review.justified,
    )
    return Event(type=type_, at=at, by=by, about=about, drill=event.drill)
