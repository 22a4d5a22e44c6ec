"""Cutting off the sessions that ran under what was just ended: an emergency or an approval."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.breakglass.model import Closing, Emergency
    from sentinel_server.requests.model import AccessRequest
    from sentinel_server.sessions.cutting import Cut, Lifted
    from sentinel_server.settings.resolve import Settings


def lifted_by_emergency(event: Emergency, closing: Closing, *, own: bool) -> Lifted:
    """What sessions ran under until the emergency was closed, by its invoker when it is their `own`."""
    from sentinel_server.sessions.cutting import Lifted

    why = f"emergency {event.id} was closed: {closing.reason}"
    return Lifted(
        id=event.id,
        person=event.person,
        profile=event.profile,
        at=closing.at,
        by=closing.by,
        reason=why,
        own=own,
    )


def lifted_by_approval(request: AccessRequest) -> Lifted | None:
    """What sessions ran under until the approval was revoked, or given back by its requester; None while it
    gives access, or when it never did.
    """
    from sentinel_server.sessions.cutting import Lifted

    ruling, own = request.revocation or request.cancelled, request.revocation is None
    if ruling is None or request.granted_at is None:
        return None
    because = f": {ruling.comment}" if ruling.comment else ""
    return Lifted(
        id=request.id,
        person=request.person,
        profile=request.profile,
        at=ruling.at,
        by=ruling.by,
        reason=f"approval {request.id} was {'given back' if own else 'revoked'}{because}",
        own=own,
    )


async def cut_off(settings: Settings, lifted: Lifted) -> Cut:
    """The sessions that ended with it. Never raises, because what they ran under is ended already."""
    from sentinel_server.errors import SentinelError
    from sentinel_server.sessions.cutting import Cut, cut_sessions
    from sentinel_server.sessions.revoke import Failure
    from sentinel_server.wiring import open_store

    try:
        async with open_store(settings) as store:
            return await cut_sessions(store, lifted)
    except SentinelError as error:
        return Cut(failures=(Failure(session_id="", error=error),))


def revocations(cut: Cut, now: datetime) -> list[AuditEvent]:
    """Their audit lines; who may not revoke has ended theirs as any owner does."""
    from cli.revoked import session_event

    return [session_event(each, now) for each in cut.sessions if each.revocation is not None]


def fields(cut: Cut) -> dict[str, Any]:
    """The same for programs."""
    failures = [{"id": each.session_id, "message": each.error.message} for each in cut.failures]
    return {"sessions": [session.id for session in cut.sessions], "failures": failures}


def say_failures(cut: Cut, what: str, *, allowed: bool) -> None:
    """Say what could not be ended, though `what`, as in `the emergency is closed`, stands all the same.

    Raises StoreUnavailable for whoever is `allowed` to end all of them and may have to do more.
    """
    from cli.output import note
    from sentinel_server.errors import StoreUnavailable

    if not cut.failures:
        return
    named = "; ".join(f"{each.session_id or 'the search'}: {each.error.message}" for each in cut.failures)
    text = f"{what}, and sessions that ran under it could not be ended: {named}"
    if allowed:
        raise StoreUnavailable(text, hint=_by_hand(cut))
    note(f"warning: {text}; they are served no longer under it")


def _by_hand(cut: Cut) -> str:
    named = [each.session_id for each in cut.failures if each.session_id]
    each = "; ".join(f"sentinel server-revoke {session_id} --reason WHY" for session_id in named)
    return f"revoke them: {each}" if each else "find and revoke them: sentinel server-sessions"
