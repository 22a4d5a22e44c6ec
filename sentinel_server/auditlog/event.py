"""What is written down. Wire shape 1: add fields with defaults; never rename, reorder or reuse one.

Every AWS session is bracketed by an `intent` line, on disk before STS is asked, and an `outcome` line, on
disk before the new secret leaves. No field ever holds a secret.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from enum import Enum

from sentinel_server.clock import sortable
from sentinel_server.frozen import frozen

SHAPE = 1
"""The version of the wire shape, in every line as `v`."""


class Action(Enum):
    """What happened; the value is the word in the log."""

    INTENT = "intent"
    OUTCOME = "outcome"
    SERVED = "served"
    REFUSED = "refused"
    CHANGED = "changed"
    SESSION_STARTED = "session_started"
    SESSION_REVIVED = "session_revived"
    SESSION_ENDED = "session_ended"
    SESSION_REVOKED = "session_revoked"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    AUTH_FAILED = "auth_failed"
    RATE_LIMITED = "rate_limited"
    STORE_FAILED = "store_failed"
    REQUEST_CREATED = "request_created"
    REQUEST_APPROVED = "request_approved"
    REQUEST_GRANTED = "request_granted"
    REQUEST_DENIED = "request_denied"
    REQUEST_CANCELLED = "request_cancelled"
    REQUEST_EXPIRED = "request_expired"
    REQUEST_REVOKED = "request_revoked"
    REQUEST_STARTED = "request_started"
    BREAKGLASS_OPENED = "breakglass_opened"
    BREAKGLASS_CLOSED = "breakglass_closed"
    BREAKGLASS_EXPIRED = "breakglass_expired"
    BREAKGLASS_REVIEWED = "breakglass_reviewed"
    BREAKGLASS_ESCALATED = "breakglass_escalated"
    MFA_FAILED = "mfa_failed"
    MFA_LOCKED = "mfa_locked"
    MFA_ENROLLED = "mfa_enrolled"
    MFA_REMOVED = "mfa_removed"
    NOTIFICATION_FAILED = "notification_failed"


@frozen
class AuditEvent:
    """One line. `None` and empty fields are left out of it.

    `effect` is the decision's word (allow, deny, require_approval, error), `code` our error code when it was
    no, `outcome` what came of an intent (issued, failed, discarded), `count` how many equal events one line
    stands for.

    `override` is the id of the request or event that lifted the rule and `override_kind` which of the two
    (`approval`, `emergency`). In lines about a request or an event, `request_id` or `event_id` names it,
    `by` is who acted, and `requester` and `approver` are persons.
    """

    action: Action
    at: datetime
    person: str | None = None
    principal: str | None = None
    profile: str | None = None
    mode: str | None = None
    session_id: str | None = None
    issue_id: str | None = None
    effect: str | None = None
    code: str | None = None
    reason: str | None = None
    rule: str | None = None
    rule_index: int | None = None
    override: str | None = None
    policy_name: str | None = None
    policy_version: str | None = None
    policy_sha256: str | None = None
    role_arn: str | None = None
    source_identity: str | None = None
    duration_seconds: int | None = None
    expires_at: datetime | None = None
    outcome: str | None = None
    count: int | None = None
    by: str | None = None
    policy_signer: str | None = None
    override_kind: str | None = None
    request_id: str | None = None
    event_id: str | None = None
    requester: str | None = None
    approver: str | None = None
    ticket: str | None = None
    justification: str | None = None
    reason_code: str | None = None
    status: str | None = None
    comment: str | None = None
    auto_approved: bool | None = None
    mfa_method: str | None = None
    mfa_verified: bool | None = None
    drill: bool | None = None
    delivery_id: str | None = None


TEXT_LIMIT = 1024
"""Characters of one value; a longer one is cut and ends in `…`."""


def to_fields(event: AuditEvent) -> dict[str, str | int]:
    """The event as it is written: words, whole numbers, flags and fixed-width times; nothing empty.

    A lone surrogate, which no UTF-8 reader accepts, becomes its escape as plain text.
    """
    named = ((field.name, getattr(event, field.name)) for field in fields(event))
    return {name: _plain(value) for name, value in named if value is not None and value != ""}


def _plain(value: object) -> str | int:
    match value:
        case Enum():
            return str(value.value)
        case datetime():
            return sortable(value)
        case bool() | int():
            return value
        case _:
            return clean(str(value))


def clean(text: str) -> str:
    """The text, cut to `TEXT_LIMIT` and free of lone surrogates."""
    cut = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")
