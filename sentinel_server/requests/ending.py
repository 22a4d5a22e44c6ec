"""Ending requests: a no, taking back, a revocation. Each is written once, and nobody can hold it up.

The first tries are decided on the version of the row, so that two who act at once get one answer each. When
somebody keeps changing the row, the ending is decided on nothing but that it is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, assert_never

from sentinel_server.clock import whole_seconds
from sentinel_server.errors import RequestOver, StoreRefused, StoreUnavailable
from sentinel_server.identity.principal import Principal
from sentinel_server.notifications.event import EventType
from sentinel_server.records.model import Change, Lacking
from sentinel_server.records.store import HURRY
from sentinel_server.requests.deeds import Deed, Done
from sentinel_server.requests.desk import (
    CONTENTION,
    Desk,
    Rulebook,
    change,
    contended,
    parse_request_id,
    read_one,
)
from sentinel_server.requests.model import AccessRequest, Ruling, Status
from sentinel_server.requests.rows import request_ref, ruling_values
from sentinel_server.requests.steps import ask_anew, look_at
from sentinel_server.requests.words import checked_comment

End = Literal["denied", "cancelled", "revoked", "cut"]

_TOLD: dict[End, EventType] = {
    "denied": EventType.REQUEST_DENIED,
    "cancelled": EventType.REQUEST_CANCELLED,
    "revoked": EventType.REQUEST_REVOKED,
    "cut": EventType.REQUEST_REVOKED,
}
_UNLESS: dict[End, Lacking] = {
    "denied": Lacking(("denied_at", "approved_at")),
    "cancelled": Lacking(("cancelled_at",)),
    "revoked": Lacking(("revoked_at",)),
    "cut": Lacking(("cut_at",)),
}
"""What keeps each from being written again. Only attributes that whoever writes it may write, for IAM counts
those of conditions, too.
"""

Judge = Callable[[Rulebook, AccessRequest, datetime, End], Principal]
"""Gives whom to write down as the one who did it, or raises why they may not."""


async def end_by(
    desk: Desk,
    request_id: str,
    ends: Sequence[End],
    comment: str,
    judge: Judge,
    *,
    needs_rules: bool = True,
) -> Done:
    """End it by the first of `ends` that the store lets us write, as `judge` allows.

    Raises what `judge` does, BadInput, NotFound, StoreUnavailable, and with `needs_rules` PolicyUnavailable.
    """
    comment = checked_comment(comment)
    for attempt in range(1, CONTENTION + 1):
        rules = await desk.rules() if needs_rules else Rulebook(policy=None)
        before = await read_one(desk.records, request_id)
        now, end = desk.clock.now(), ends[0]
        by = judge(rules, before, now, end)
        ruling = Ruling(at=now, by=desk.persons.key(by), comment=comment)
        after = _ended(before, end, ruling)
        deed = Deed(
            type=_TOLD[end], request=after, at=now, by=ruling.by, principal_arn=by.arn, comment=comment
        )
        values = {**ruling_values(end, ruling), "status": after.status(now).value}
        seen = _UNLESS[end] if attempt > HURRY else None
        try:
            done = await change(desk, before, values, (deed,), seen=seen)
        except StoreRefused:
            if len(ends) == 1:
                raise
            ends = ends[1:]
            continue
        if done is not None:
            return done
        await desk.rest(attempt)
    raise contended(request_ref(request_id))


async def cut_unread(desk: Desk, request_id: str, by: Principal, comment: str) -> bool:
    """Write security's ending into a row that cannot be read, lest it be mended later and give access again.

    False when it could not be written: it is there already, there is no row, or the store does not do it.
    """
    ruling = Ruling(at=desk.clock.now(), by=desk.persons.key(by), comment=checked_comment(comment))
    values = {**ruling_values("cut", ruling), "status": Status.REVOKED.value}
    change = Change(ref=request_ref(parse_request_id(request_id)), seen=_UNLESS["cut"], set=values)
    try:
        return await desk.records.commit([change])
    except StoreUnavailable:
        return False


def _ended(before: AccessRequest, end: End, ruling: Ruling) -> AccessRequest:
    version = before.version + 1
    match end:
        case "denied":
            return replace(before, version=version, denied=ruling)
        case "cancelled":
            return replace(before, version=version, cancelled=ruling)
        case "revoked":
            return replace(before, version=version, revoked=ruling)
        case "cut":
            return replace(before, version=version, cut=ruling)
        case _:
            assert_never(end)


def check_pending(request: AccessRequest, now: datetime, hint: str = "") -> None:
    """Raises RequestOver for what is approved or over."""
    check_unfinished(request, now)
    check_time_left(request, now)
    if request.granted_at is not None:
        raise RequestOver(
            f"request {request.id} is approved since {whole_seconds(request.granted_at)}",
            hint=hint or f"take it back: sentinel revoke-approval {request.id}",
        )


def check_approved(request: AccessRequest, now: datetime, hint: str) -> None:
    """Raises RequestOver for what gives no access now, by its row."""
    check_unfinished(request, now)
    check_time_left(request, now)
    check_granted(request, hint)


def check_granted(request: AccessRequest, hint: str) -> None:
    """Raises RequestOver for what is not approved yet."""
    if request.granted_at is None:
        raise RequestOver(f"request {request.id} is not approved yet", hint=hint)


def check_time_left(request: AccessRequest, now: datetime) -> None:
    """Raises RequestOver for what is over by the clock here."""
    if request.ends_at is not None and now >= request.ends_at:
        raise RequestOver(
            f"request {request.id} gave access until {whole_seconds(request.ends_at)}", hint=look_at(request)
        )


def check_unfinished(request: AccessRequest, now: datetime) -> None:
    """Raises RequestOver when somebody has ended the request, or nobody decided about it in time."""
    status = request.status(now)
    ruling = request.revocation or request.denied or request.cancelled
    if ruling is not None:
        because = f": {ruling.comment}" if ruling.comment else ""
        when = whole_seconds(ruling.at)
        raise RequestOver(
            f"request {request.id} was {status.value} at {when} by {ruling.by}{because}",
            hint=look_at(request),
        )
    if status is Status.EXPIRED:
        raise RequestOver(
            f"request {request.id} expired at {whole_seconds(request.expires_at)}",
            hint=ask_anew(request.profile),
        )
