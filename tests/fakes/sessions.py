"""Sessions, blocks and instants for tests, and a store whose reads the test controls."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sentinel_server.clock import SystemClock
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Session

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def a_session(number: int = 1, /, **changes: Any) -> Session:
    """A session of alice's, begun at noon and a second later for each number."""
    began = NOON + timedelta(seconds=number)
    fields: dict[str, Any] = {
        "id": f"{number:016x}",
        "person": "iam:111122223333:alice",
        "user": "alice",
        "principal_arn": "arn:aws:iam::111122223333:user/alice",
        "principal_id": "AIDAEXAMPLE",
        "profile": "prod",
        "server_instance_id": "00000000000000aa",
        "source_identity": f"sentinel=u.alice=d={number:016x}",
        "started_at": began,
        "heartbeat_at": began,
        "last_access_at": began,
        "expires_at": began + timedelta(hours=12),
        "lease_seconds": 660,
        "role_arn": "arn:aws:iam::111122223333:role/prod",
    }
    return Session(**(fields | changes))


def beginning_now(session: Session) -> Session:
    """The same by the system's clock, with an hour to go."""
    now = SystemClock().now()
    until = now + timedelta(hours=1)
    return replace(session, started_at=now, heartbeat_at=now, last_access_at=now, expires_at=until)


def a_revocation(by: str = "security", at: datetime = NOON + 5 * MINUTE) -> Revocation:
    """A revocation five minutes past noon."""
    return Revocation(at=at, by=by, reason="laptop stolen")


def a_block(key: BlockKey, **changes: Any) -> Block:
    """A block without an end, written at noon."""
    fields: dict[str, Any] = {"key": key, "at": NOON, "by": "security", "reason": "laptop stolen"}
    return Block(**(fields | changes))
