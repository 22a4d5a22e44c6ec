"""What a revocation reaches and what it does not, in words, in JSON and as audit lines. Pure.

The words promise no more than the product keeps: what SDKs hold lives on until their lease, and what AWS gave
until its own expiry.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.output import clean
from cli.tables import block_fields, in_words, in_words_of, session_fields
from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import StoreUnavailable
from sentinel_server.sessions.model import Scope

if TYPE_CHECKING:
    from sentinel_server.sessions.model import Session
    from sentinel_server.sessions.revoke import MassRevocation, Revoked

_WIDTH = 80
AT_ONCE = "No fetch that begins after this line is served; one in progress may be for 800 ms."
DERIVED = "Sessions derived from it (chained roles, the console) may last longer."


def one_in_words(done: Revoked, now: datetime) -> str:
    """What became of one session, and what its holder still has."""
    session = done.session
    name = f"session {session.id} of {session.user} on {session.profile}"
    cut = session.revocation
    lines = []
    if done.first or cut is None:
        lines.append(f"Revoked: {name}{_over(session, now)}.")
    else:
        who = f"by {cut.by} at {whole_seconds(cut.at)}: {cut.reason}"
        lines.append(f"Already revoked: {name}, {who}")
    return _wrapped([*lines, AT_ONCE, _held(session, now), DERIVED])


def many_in_words(done: MassRevocation, now: datetime, store: str) -> str:
    """The block and which doors know of it, what was cut off under it, and what its holders still have."""
    block = done.block
    end = "until it is lifted" if block.until is None else f"until {whole_seconds(block.until)}"
    lines = [f"Blocked: {block.key} at every door that uses {store}, {end}."]
    lines.append(f"Revoked: {_count(len(done.revoked))}{_ids(done.revoked)}.")
    if done.already:
        lines.append(f"Already revoked: {_count(len(done.already))}{_ids(done.already)}.")
    lines += [AT_ONCE, *(_held(session, now, named=True) for session in done.revoked)]
    lines.append(
        "What `sentinel exec` without --server and `sentinel credentials` gave out before lasts until its "
        "own expiry, which no session shows."
    )
    lines.append(f"{DERIVED} To lift the block: sentinel server-unblock {block.key}")
    return _wrapped(lines)


def one_fields(done: Revoked, now: datetime) -> dict[str, Any]:
    """One revoked session for programs; `first` is false when somebody else was first."""
    return session_fields(done.session, now) | {"first": done.first, "message": AT_ONCE}


def many_fields(done: MassRevocation, now: datetime) -> dict[str, Any]:
    """A block and what was cut off under it, for programs."""
    return {
        "block": block_fields(done.block, now),
        "revoked": [session_fields(session, now) for session in done.revoked],
        "already": [session_fields(session, now) for session in done.already],
        "failures": [{"id": each.session_id, "message": each.error.message} for each in done.failures],
        "message": AT_ONCE,
    }


def incomplete(done: MassRevocation) -> StoreUnavailable:
    """The error to end with when not every session could be revoked."""
    named = [f"{each.session_id or 'the search'}: {each.error.message}" for each in done.failures]
    return StoreUnavailable(
        f"{len(named)} revocations failed, though the block holds all the same: {'; '.join(named[:5])}",
        hint="run the same command again",
    )


def session_event(session: Session, now: datetime) -> AuditEvent:
    """The audit line of one revocation."""
    cut = session.revocation
    return AuditEvent(
        action=Action.SESSION_REVOKED,
        at=now,
        person=session.person,
        principal=session.principal_arn,
        profile=session.profile,
        session_id=session.id,
        source_identity=session.source_identity,
        reason=cut.reason if cut else None,
        by=cut.by if cut else None,
    )


def events(done: MassRevocation, now: datetime) -> list[AuditEvent]:
    """The audit lines of a block and of every session revoked under it."""
    block = done.block
    scope = block.key.scope
    blocked = AuditEvent(
        action=Action.BLOCKED,
        at=now,
        person=block.key.name if scope is Scope.PERSON else None,
        profile=block.key.name if scope is Scope.PROFILE else None,
        reason=block.reason,
        by=block.by,
        expires_at=block.until,
    )
    return [blocked, *(session_event(session, now) for session in done.revoked)]


def _over(session: Session, now: datetime) -> str:
    if session.ended_at is not None:
        return f", which had ended at {whole_seconds(session.ended_at)}"
    return ", which had expired" if now >= session.expires_at else ""


def _held(session: Session, now: datetime, *, named: bool = False) -> str:
    """How long what the holder has may live: the lease in each SDK, the real expiry at AWS."""
    whose = f"What each SDK still holds of {session.id}" if named else "What each SDK still holds"
    lease = session.lease_seconds
    within = "" if lease is None else f"until its lease ({in_words_of(lease)}), "
    role = f"role {session.role_arn}" if session.role_arn else f"profile {session.profile}, which has no role"
    return f"{whose} lasts {within}at the latest to the real expiry{_expiry(session, now)}, for {role}."


def _expiry(session: Session, now: datetime) -> str:
    """The expiry last told, and how old that is: a server tells its store once a minute."""
    ago, until = f"{in_words(now - session.heartbeat_at)} ago", session.credentials_until
    if until is None:
        return f" (the server had told none {ago}; by default 15m after the last fetch)"
    when = whole_seconds(until)
    return f" {when[11:] if until.date() == now.date() else when} (as told {ago})"


def _count(number: int) -> str:
    return f"{number} live session{'' if number == 1 else 's'}"


def _ids(sessions: tuple[Session, ...]) -> str:
    return f" ({', '.join(session.id for session in sessions)})" if sessions else ""


def _wrapped(paragraphs: list[str]) -> str:
    return "\n".join(_lines(paragraphs))


def _lines(paragraphs: list[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        yield from textwrap.wrap(
            clean(paragraph), _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
