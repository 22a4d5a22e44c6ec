"""What became of an emergency, for people and for the log: one outbox row and one audit line for each."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.breakglass.model import Emergency
from sentinel_server.breakglass.news import emergency_event
from sentinel_server.clock import Ids
from sentinel_server.frozen import frozen
from sentinel_server.notifications.event import SYSTEM, EventType
from sentinel_server.notifications.outbox import outbox_change
from sentinel_server.records.model import Change, Ledger

_ACTIONS = {
    EventType.BREAKGLASS_OPENED: Action.BREAKGLASS_OPENED,
    EventType.BREAKGLASS_ESCALATED: Action.BREAKGLASS_ESCALATED,
    EventType.BREAKGLASS_CLOSED: Action.BREAKGLASS_CLOSED,
    EventType.BREAKGLASS_EXPIRED: Action.BREAKGLASS_EXPIRED,
    EventType.BREAKGLASS_REVIEWED: Action.BREAKGLASS_REVIEWED,
}


@frozen
class Deed:
    """One thing that happened to an emergency, which is given as it was afterwards.

    `by` is the person who did it, or `SYSTEM` for the end of its time. `comment` is what they said.
    """

    type: EventType
    event: Emergency
    at: datetime
    by: str = SYSTEM
    comment: str = ""


@frozen
class Done:
    """A change that was made: the emergency as it now is, what is to be written into the audit log, and the
    deliveries that are due.
    """

    event: Emergency
    deeds: tuple[Deed, ...]
    deliveries: tuple[str, ...]


def tell(deed: Deed, delivery_id: str) -> Change:
    """The outbox row that makes sure it is told; to be committed with what it tells of."""
    event = emergency_event(deed.type, deed.event, at=deed.at, by=deed.by, comment=deed.comment)
    return outbox_change(Ledger.BREAKGLASS, event, delivery_id)


def tell_all(deeds: tuple[Deed, ...], ids: Ids) -> dict[str, Change]:
    """The outbox rows by delivery id."""
    fresh = [(ids.fresh(), each) for each in deeds]
    return {delivery_id: tell(each, delivery_id) for delivery_id, each in fresh}


def audit_line(deed: Deed, principal_arn: str | None = None) -> AuditEvent:
    """The line of the audit log. `principal_arn` is of whoever did it, for those who are not the invoker."""
    event = deed.event
    return AuditEvent(
        action=_ACTIONS[deed.type],
        at=deed.at,
        person=event.person,
        principal=principal_arn or event.principal_arn,
        profile=event.profile,
        rule=event.rule,
        duration_seconds=int(event.duration.total_seconds()),
        expires_at=event.ends_at,
        by=deed.by,
        event_id=event.id,
        ticket=event.ticket,
        justification=event.justification,
        reason_code=event.reason_code.value,
        status=event.state(deed.at).value,
        comment=deed.comment,
        mfa_method=event.mfa.method if event.mfa else None,
        mfa_verified=True if event.mfa else None,
        drill=True if event.drill else None,
    )
