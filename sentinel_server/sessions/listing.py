"""Listing rules every store shares: which sessions a query means, and where its next page begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from datetime import datetime

from sentinel_server.canonical import canonical, sha256_hex
from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.errors import BadInput, InvalidIdentifier
from sentinel_server.frozen import frozen
from sentinel_server.sessions.model import Session, parse_session_id
from sentinel_server.sessions.store import Page, SessionQuery

MAX_PAGE = 1000
"""Sessions that one page may hold."""


@frozen
class Position:
    """The last session of a page; the next page begins after it."""

    started_at: datetime
    id: str


def matches(query: SessionQuery, session: Session, now: datetime) -> bool:
    """Whether every condition of the query holds at `now`."""
    return (
        query.person in (None, session.person)
        and query.user in (None, session.user)
        and query.profile in (None, session.profile)
        and (query.since is None or session.started_at >= query.since)
        and (query.state is None or session.state(now) is query.state)
    )


def write_token(query: SessionQuery, last: Session) -> str:
    """A token for the page after `last`, of use with this query only."""
    body = canonical({"q": _digest(query), "t": sortable(last.started_at), "i": last.id})
    return base64.urlsafe_b64encode(body).decode("ascii").rstrip("=")


def read_token(query: SessionQuery, token: str | None) -> Position | None:
    """Where to go on; None at the beginning. Raises BadInput for any token that is not of this query."""
    if token is None:
        return None
    try:
        body = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        digest, at, last = body["q"], parse_sortable(body["t"]), parse_session_id(body["i"])
    except (binascii.Error, ValueError, KeyError, TypeError, InvalidIdentifier) as error:
        raise BadInput("that is not a page token", hint="begin with the first page") from error
    if digest != _digest(query):
        raise BadInput("that page token belongs to another query", hint="begin with the first page")
    return Position(started_at=at, id=last)


def checked_limit(limit: int) -> int:
    """`limit` when a page may be that long; raises BadInput otherwise."""
    if not 1 <= limit <= MAX_PAGE:
        raise BadInput(f"a page holds 1 to {MAX_PAGE} sessions, not {limit}")
    return limit


def page_of(query: SessionQuery, found: list[Session], limit: int, unreadable: Iterable[str] = ()) -> Page:
    """The page made of up to `limit` of `found`; one more than that proves that there is a next page."""
    shown = tuple(found[:limit])
    token = write_token(query, shown[-1]) if len(found) > limit else None
    return Page(sessions=shown, next_token=token, unreadable=tuple(unreadable))


def _digest(query: SessionQuery) -> str:
    return sha256_hex(
        canonical(
            {
                "person": query.person,
                "user": query.user,
                "profile": query.profile,
                "state": query.state and query.state.value,
                "since": None if query.since is None else sortable(query.since),
            }
        )
    )[:16]
