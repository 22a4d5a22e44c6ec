"""Requests as rows, fields and words. Pure but for `settle`, which writes down and tells what was done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from shlex import quote
from typing import TYPE_CHECKING

from cli.audited import write_down
from cli.tables import in_words, time_left
from sentinel_server.clock import whole_seconds
from sentinel_server.frozen import frozen
from sentinel_server.policy.durations import format_duration

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.errors import AuditUnavailable
    from sentinel_server.requests.deciding import Counted
    from sentinel_server.requests.deeds import Done
    from sentinel_server.requests.desk import Desk
    from sentinel_server.requests.model import AccessRequest
    from sentinel_server.settings.resolve import Settings

Fact = str | int | bool | Sequence[str] | None
"""What JSON and CSV show of one attribute."""

SPARE = (7, 5, 4)
"""The columns that a narrow terminal goes without: APPROVALS first, then ASKED, then FOR."""
HEADINGS = ("REQUEST", "USER", "PROFILE", "STATUS", "FOR", "ASKED", "UNTIL", "APPROVALS", "JUSTIFICATION")
FIELDS = (
    *("id", "profile", "status", "requester", "created_at", "expires_at", "person", "duration_seconds"),
    *("justification", "ticket", "approvals", "approved_at", "access_until", "auto_approved", "extends"),
)
"""The columns of CSV."""


@frozen
class Worth:
    """What a request is worth by the policy now: the approvals that count, and whether it gives access.

    `why` says why it gives none; `counted` is None where no rule is in charge.
    """

    counted: Counted | None
    gives_access: bool
    why: str = ""


def row(request: AccessRequest, now: datetime) -> tuple[str, ...]:
    """A request as one line. `UNTIL` is the end of the access, or the deadline of the approvers."""
    return (
        request.id,
        _user(request),
        request.profile,
        request.status(now).value,
        format_duration(request.duration),
        in_words(now - request.created_at),
        time_left(request.ends_at or request.expires_at, now),
        str(len(request.votes)),
        request.justification,
    )


def fields(request: AccessRequest, now: datetime) -> dict[str, Fact]:
    """Everything a request's row holds, and its status now."""
    deciding = request.votes[-1] if request.votes else None
    told: dict[str, Fact] = {
        "id": request.id,
        "requester": request.user,
        "person": request.person,
        "principal_arn": request.principal_arn,
        "profile": request.profile,
        "justification": request.justification,
        "ticket": request.ticket or None,
        "duration": format_duration(request.duration),
        "duration_seconds": request.duration // timedelta(seconds=1),
        "status": request.status(now).value,
        "created_at": whole_seconds(request.created_at),
        "expires_at": whole_seconds(request.expires_at),
        "approvals": [vote.person for vote in request.votes],
        "approver": deciding.person if deciding else None,
        "approver_comment": deciding.comment or None if deciding else None,
        "approved_at": _instant(request.granted_at),
        "access_until": _instant(request.ends_at),
        "started_at": _instant(request.started_at),
        "auto_approved": bool(request.auto_rule),
        "extends": request.extends or None,
    }
    for name, ruling in (
        ("denied", request.denied),
        ("cancelled", request.cancelled),
        ("revoked", request.revocation),
    ):
        told[f"{name}_at"] = _instant(ruling.at if ruling else None)
        told[f"{name}_by"] = ruling.by if ruling else None
        told[f"{name}_comment"] = (ruling.comment or None) if ruling else None
    return told


def worth_fields(worth: Worth | None) -> dict[str, Fact]:
    """What it is worth, for programs; all null when the policy could not be read."""
    counted = None if worth is None else worth.counted
    return {
        "approvals_required": None if counted is None else counted.required,
        "approvals_counted": None if counted is None else [vote.person for vote in counted.tally.counted],
        "gives_access": None if worth is None else worth.gives_access,
        "why_not": None if worth is None else worth.why or None,
    }


def csv_fields(request: AccessRequest, now: datetime) -> dict[str, Fact]:
    """The same for CSV: the approvers in one cell."""
    told = fields(request, now)
    return told | {"approvals": " ".join(vote.person for vote in request.votes)}


def lines(request: AccessRequest, now: datetime, worth: Worth | None = None) -> list[tuple[str, str]]:
    """A request for people, label and text; what it does not have is left out."""
    told = [
        ("Request", request.id),
        ("Status", request.status(now).value),
        ("Profile", request.profile),
        ("Requester", f"{request.user} ({request.person})"),
        ("Duration", format_duration(request.duration)),
        ("Justification", request.justification),
        ("Ticket", request.ticket),
        ("Extends", request.extends),
        ("Asked", when(request.created_at, now)),
        ("Approve until", when(request.expires_at, now) if request.granted_at is None else ""),
    ]
    told += [("Approved by", _vote(vote.person, vote.at, vote.comment, now)) for vote in request.votes]
    if request.auto_rule:
        told.append(("Approved by", f"rule '{request.auto_rule}', by itself"))
    for label, ruling in (
        ("Denied", request.denied),
        ("Cancelled", request.cancelled),
        ("Revoked", request.revocation),
    ):
        if ruling is not None:
            told.append((label, _vote(ruling.by, ruling.at, ruling.comment, now)))
    if request.started_at is not None:
        told.append(("First used", when(request.started_at, now)))
    return [pair for pair in [*told, *_worth_lines(request, now, worth)] if pair[1]]


def _worth_lines(request: AccessRequest, now: datetime, worth: Worth | None) -> list[tuple[str, str]]:
    if worth is None:
        return [("Access", f"until {when(request.ends_at, now)}")] if request.ends_at else []
    if worth.gives_access and request.ends_at is not None:
        return [("Access", f"until {when(request.ends_at, now)}")]
    counted = worth.counted
    votes = "" if counted is None else f"{len(counted.tally.counted)} of {counted.required} that count"
    return [("Approvals", votes), ("Access", f"none: {worth.why}")]


def when(instant: datetime, now: datetime) -> str:
    """An instant, and how far away it is."""
    gap = instant - now
    words = f"in {in_words(gap)}" if gap > timedelta(0) else f"{in_words(-gap)} ago"
    return f"{whole_seconds(instant)} ({words})"


def use(profile: str) -> str:
    """The command that uses an approved access."""
    return f"sentinel exec --server --profile {quote(profile)} -- COMMAND"


async def settle(settings: Settings, desk: Desk, done: Done, *more: AuditEvent) -> AuditUnavailable | None:
    """Write down what was done and tell of it; the error to end with when the log must have it and cannot.

    `more` are further lines that go with it.
    """
    from cli.notices import deliver_now
    from sentinel_server.records.model import Ledger
    from sentinel_server.requests.deeds import audit_line

    failed = await write_down(settings, [*(audit_line(deed) for deed in done.deeds), *more])
    untold = await deliver_now(settings, desk.records, Ledger.REQUESTS, done.deliveries)
    return await write_down(settings, untold) or failed


def _user(request: AccessRequest) -> str:
    """The name, and of a role whose caller chose that the role before it."""
    return request.principal_arn.partition("/")[2] if request.person.startswith("role:") else request.user


def _vote(person: str, at: datetime, comment: str, now: datetime) -> str:
    said = f": {comment}" if comment else ""
    return f"{person}, {when(at, now)}{said}"


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else whole_seconds(instant)
