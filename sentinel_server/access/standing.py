"""What the session store says for certain: blocked, revoked, ended, lapsed, or somebody else's row."""

from __future__ import annotations

from datetime import datetime
from shlex import quote

from sentinel_server.access.facts import Deny, Facts
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import (
    Blocked,
    SentinelError,
    SessionEnded,
    SessionLapsed,
    SessionMissing,
    SessionRevoked,
)
from sentinel_server.policy.schema import Mode
from sentinel_server.sessions.model import Block, Scope, Session, Standing, State


def cut_off(facts: Facts, standing: Standing, now: datetime) -> Deny | None:
    """The refusal that the store's answer means, or None when it stands in nobody's way."""
    held = next((block for block in standing.blocks if block.holds(now)), None)
    if held is not None:
        return Deny(error=_blocked(held))
    if facts.ask.mode is not Mode.SERVER or facts.starting:
        return None
    if standing.session is None:
        return Deny(
            error=SessionMissing(
                f"session {facts.session_id} is not in {facts.store.url}", hint=start_anew(facts.ask.profile)
            )
        )
    if not _is_ours(facts, standing.session):
        return Deny(
            error=SessionMissing(
                f"session {facts.session_id} belongs to another server or profile",
                hint=start_anew(facts.ask.profile),
            )
        )
    state = standing.session.state(now, facts.lapse_after)
    error = _ended(standing.session, state)
    return None if error is None else Deny(error=error, revivable=state is State.LAPSED)


def start_anew(profile: str) -> str:
    """How to go on once a session is over."""
    return f"start a new session: sentinel exec --server --profile {quote(profile)} -- COMMAND"


def _is_ours(facts: Facts, session: Session) -> bool:
    return (session.id, session.server_instance_id, session.profile) == (
        facts.session_id,
        facts.instance_id,
        facts.ask.profile,
    )


def _blocked(block: Block) -> SentinelError:
    what = "everyone is" if block.key.scope is Scope.EVERYONE else f"{block.key} is"
    return Blocked(f"{what} blocked by {block.by} since {whole_seconds(block.at)}: {block.reason}")


def _ended(session: Session, state: State) -> SentinelError | None:
    match state:
        case State.ACTIVE:
            return None
        case State.REVOKED:
            return _revoked(session)
        case State.ENDED:
            return SessionEnded(
                f"session {session.id} was ended by its owner", hint=start_anew(session.profile)
            )
        case State.EXPIRED:
            return SessionEnded(
                f"session {session.id} reached its end at {whole_seconds(session.expires_at)}",
                hint=start_anew(session.profile),
            )
        case State.LAPSED:
            last = whole_seconds(session.heartbeat_at)
            return SessionLapsed(
                f"session {session.id} gave no sign of life since {last}", hint=start_anew(session.profile)
            )


def _revoked(session: Session) -> SentinelError:
    cut = session.revocation
    if cut is None:
        return SessionRevoked(f"session {session.id} was revoked")
    return SessionRevoked(
        f"session {session.id} was revoked by {cut.by} at {whole_seconds(cut.at)}: {cut.reason}"
    )
