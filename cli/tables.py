"""Rows and fields per value: what tables, CSV and JSON show. Pure; `cli.output` makes text of them.

JSON keeps the key names of the product this one grew from, and adds to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sentinel_server.clock import whole_seconds

if TYPE_CHECKING:
    from sentinel_server.identity.principal import Principal
    from sentinel_server.sessions.model import Block, Session
    from sentinel_server.settings.resolve import Won

Field = str | int | None
"""What JSON and CSV show of one attribute."""

SESSION_HEADINGS = ("SESSION", "USER", "PROFILE", "STATE", "STARTED", "LAST-SEEN", "REQUESTS", "UNTIL")
SESSION_SPARE = (6, 4, 5)
"""The columns that a narrow terminal goes without: REQUESTS first, then STARTED, then LAST-SEEN."""
SESSION_FIELDS = (
    *("id", "user", "profile", "status", "started_at", "last_access_at", "expires_at", "request_count"),
    *("server_instance_id", "source_identity", "person", "credentials_until"),
)
"""The columns of CSV."""
BLOCK_HEADINGS = ("BLOCK", "STATE", "SINCE", "UNTIL", "BY", "REASON")
BLOCK_FIELDS = ("key", "status", "at", "by", "reason", "until", "lifted_at", "lifted_by")

SETTING_HEADINGS = ("SETTING", "VALUE", "FROM")
SETTING_FIELDS = ("name", "value", "from")


def session_row(session: Session, now: datetime) -> tuple[str, ...]:
    """A session as one line; `UNTIL` is how long what it holds may live at the latest."""
    return (
        session.id,
        session.user,
        session.profile,
        session.state(now).value,
        in_words(now - session.started_at),
        in_words(now - session.heartbeat_at),
        str(session.request_count),
        time_left(session.credentials_until, now),
    )


def session_fields(session: Session, now: datetime) -> dict[str, Field]:
    """Everything a session's row holds, and its state now as `status`."""
    revoked = session.revocation
    return {
        "id": session.id,
        "user": session.user,
        "profile": session.profile,
        "status": session.state(now).value,
        "started_at": whole_seconds(session.started_at),
        "last_access_at": whole_seconds(session.last_access_at),
        "expires_at": whole_seconds(session.expires_at),
        "request_count": session.request_count,
        "server_instance_id": session.server_instance_id,
        "source_identity": session.source_identity,
        "person": session.person,
        "principal_arn": session.principal_arn,
        "principal_id": session.principal_id,
        "role_arn": session.role_arn,
        "override_id": session.override_id,
        "lease_seconds": session.lease_seconds,
        "heartbeat_at": whole_seconds(session.heartbeat_at),
        "credentials_until": _instant(session.credentials_until),
        "ended_at": _instant(session.ended_at),
        "revoked_at": _instant(revoked.at if revoked else None),
        "revoked_by": revoked.by if revoked else None,
        "revoked_reason": revoked.reason if revoked else None,
    }


def session_lines(session: Session, now: datetime) -> list[tuple[str, str]]:
    """A session for people, label and text; what it does not have is left out."""
    lines = [
        ("Session", session.id),
        ("State", session.state(now).value),
        ("User", session.user),
        ("Person", session.person),
        ("Principal", session.principal_arn),
        ("Profile", session.profile),
        ("Role", session.role_arn or "none"),
        ("Stamp", session.source_identity or "none"),
        ("Server", session.server_instance_id),
        ("Started", when(session.started_at, now)),
        ("Last seen", when(session.heartbeat_at, now)),
        ("Last fetch", when(session.last_access_at, now)),
        ("Requests", str(session.request_count)),
        ("Lease", "full" if session.lease_seconds is None else in_words_of(session.lease_seconds)),
        ("Held until", when(session.credentials_until, now)),
        ("Ends", when(session.expires_at, now)),
    ]
    if session.ended_at is not None:
        lines.append(("Ended", when(session.ended_at, now)))
    if session.revocation is not None:
        revoked = session.revocation
        lines.append(("Revoked", f"{when(revoked.at, now)} by {revoked.by}"))
        lines.append(("Reason", revoked.reason))
    return lines


def blocked_lines(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    """The blocks that keep a session from being served, for people."""
    return [("Blocked", f"{block.key} by {block.by}: {block.reason}") for block in blocks]


def block_row(block: Block, now: datetime) -> tuple[str, ...]:
    """A block as one line."""
    until = time_left(block.until, now)
    return str(block.key), block_state(block, now), in_words(now - block.at), until, block.by, block.reason


def block_fields(block: Block, now: datetime) -> dict[str, Field]:
    """Everything a block's row holds, and its state now as `status`."""
    return {
        "key": str(block.key),
        "scope": block.key.scope.value,
        "name": block.key.name,
        "status": block_state(block, now),
        "at": whole_seconds(block.at),
        "by": block.by,
        "reason": block.reason,
        "until": _instant(block.until),
        "lifted_at": _instant(block.lifted_at),
        "lifted_by": block.lifted_by,
    }


def block_state(block: Block, now: datetime) -> str:
    """`in force`, `lifted` or `ended`."""
    if block.holds(now):
        return "in force"
    return "ended" if block.lifted_at is None else "lifted"


def setting_row(won: Won) -> tuple[str, ...]:
    """A setting as one line."""
    return won.name, won.text or "-", won.where


def setting_fields(won: Won) -> dict[str, Field]:
    """A setting for programs; `value` is null when nothing sets it."""
    return {"name": won.name, "value": won.text or None, "from": won.where}


def principal_lines(principal: Principal, person: str, bare: str | None, stamp: str) -> list[tuple[str, str]]:
    """Who somebody is, for people."""
    return [
        ("ARN", principal.arn),
        ("Account", principal.account),
        ("Kind", principal.kind.value),
        ("Name", principal.name),
        ("Person", person),
        ("Name in policies", bare or "by ARN pattern only"),
        ("Stamp user", stamp),
    ]


def principal_fields(principal: Principal, person: str, bare: str | None, stamp: str) -> dict[str, Field]:
    """Who somebody is, for programs."""
    return {
        "arn": principal.arn,
        "account_id": principal.account,
        "identity_type": principal.kind.value,
        "person": person,
        "policy_username": bare,
        "stamp_user": stamp,
    }


def in_words(span: timedelta) -> str:
    """`12s`, `5m`, `2h5m` or `3d4h`: at most two units, rounded down; `0s` for what is negative."""
    return in_words_of(int(span.total_seconds()))


def in_words_of(seconds: int) -> str:
    """The same for whole seconds."""
    left = max(seconds, 0)
    days, hours, minutes = left // 86400, left // 3600 % 24, left // 60 % 60
    if days:
        return f"{days}d{hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{left}s"


def time_left(until: datetime | None, now: datetime) -> str:
    """How long it is until then: `11m`, `past`, or `-` when there is no end."""
    if until is None:
        return "-"
    return in_words(until - now) if until > now else "past"


def when(instant: datetime | None, now: datetime) -> str:
    """An instant, and how far away it is; `-` for none."""
    if instant is None:
        return "-"
    gap = instant - now
    words = f"in {in_words(gap)}" if gap > timedelta(0) else f"{in_words(-gap)} ago"
    return f"{whole_seconds(instant)} ({words})"


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else whole_seconds(instant)
