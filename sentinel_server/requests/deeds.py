"""What became of a request, for people and for the log: one outbox row and one audit line for each deed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.clock import Ids
from sentinel_server.frozen import frozen
from sentinel_server.notifications.event import SYSTEM, Event, EventType
from sentinel_server.notifications.outbox import outbox_change
from sentinel_server.records.model import Change, Ledger
from sentinel_server.requests.model import AccessRequest
from sentinel_server.requests.news import request_event

_ACTIONS = {
    EventType.REQUEST_CREATED: Action.REQUEST_CREATED,
    EventType.REQUEST_APPROVED: Action.REQUEST_APPROVED,
    EventType.REQUEST_GRANTED: Action.REQUEST_GRANTED,
    EventType.REQUEST_DENIED: Action.REQUEST_DENIED,
    EventType.REQUEST_CANCELLED: Action.REQUEST_CANCELLED,
    EventType.REQUEST_EXPIRED: Action.REQUEST_EXPIRED,
    EventType.REQUEST_REVOKED: Action.REQUEST_REVOKED,
}
_BY_APPROVERS = (EventType.REQUEST_APPROVED, EventType.REQUEST_DENIED)


@frozen
class Deed:
    """One thing that happened to a request, which is given as it was afterwards.

    `by` is the person who did it, and `principal_arn` theirs; `SYSTEM` and empty for what nobody did.
    """

    type: EventType
    request: AccessRequest
    at: datetime
    by: str = SYSTEM
    principal_arn: str = ""
    comment: str = ""


@frozen
class Done:
    """A change that was made: the request as it now is, what is to be written into the audit log, and the
    deliveries that are due.
    """

    request: AccessRequest
    deeds: tuple[Deed, ...] = ()
    deliveries: tuple[str, ...] = ()


def tell_all(deeds: Sequence[Deed], ids: Ids) -> Mapping[str, Change]:
    """The outbox rows by delivery id, to be committed with what they tell of."""
    fresh = [(ids.fresh(), each) for each in deeds]
    return {key: outbox_change(Ledger.REQUESTS, _event(deed), key) for key, deed in fresh}


def audit_line(deed: Deed) -> AuditEvent:
    """The line of the audit log: `person` is the requester, `by` who acted, with their `principal`."""
    request = deed.request
    return AuditEvent(
        action=_ACTIONS[deed.type],
        at=deed.at,
        person=request.person,
        principal=deed.principal_arn or None,
        profile=request.profile,
        rule=request.auto_rule or None,
        duration_seconds=request.duration // timedelta(seconds=1),
        expires_at=request.ends_at or request.expires_at,
        by=deed.by,
        request_id=request.id,
        requester=request.person,
        approver=deed.by if deed.type in _BY_APPROVERS else None,
        ticket=request.ticket,
        justification=request.justification,
        status=request.status(deed.at).value,
        comment=deed.comment,
        auto_approved=True if request.auto_rule else None,
    )


def _event(deed: Deed) -> Event:
    return request_event(deed.type, deed.request, at=deed.at, by=deed.by, comment=deed.comment)
