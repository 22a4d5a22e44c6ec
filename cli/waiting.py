"""Waiting for a decision: looks at the request less and less often, and says what happens meanwhile."""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from cli.output import note
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import RequestRefused, StoreUnavailable

if TYPE_CHECKING:
    from sentinel_server.requests.desk import Desk
    from sentinel_server.requests.model import AccessRequest

FIRST, LONGEST = 1.0, 15.0
"""Seconds between two looks, at first and at most."""
PATIENCE = 10
"""Looks in a row that may fail before we give up."""


async def wait_for(desk: Desk, request: AccessRequest) -> AccessRequest:
    """The request once it is no longer pending. Raises StoreUnavailable when that cannot be seen for long."""
    from sentinel_server.requests.desk import read_one
    from sentinel_server.requests.model import Status

    delay, failures, votes = FIRST, 0, len(request.votes)
    if request.status(desk.clock.now()) is Status.PENDING:
        note(
            f"waiting until {whole_seconds(request.expires_at)} at the latest; Ctrl-C leaves the request open"
        )
    while request.status(desk.clock.now()) is Status.PENDING:
        await asyncio.sleep(delay * (0.75 + secrets.randbelow(500) / 1000))
        delay = min(delay * 1.5, LONGEST)
        try:
            request = await read_one(desk.records, request.id)
            failures = 0
        except StoreUnavailable:
            failures += 1
            if failures == PATIENCE:
                raise
        for vote in request.votes[votes:]:
            note(f"approved by {vote.person}{f': {vote.comment}' if vote.comment else ''}")
        votes = len(request.votes)
    return request


def refused(request: AccessRequest, now: datetime) -> RequestRefused:
    """The error that says how it ended."""
    from sentinel_server.requests.steps import ask_anew

    ruling = request.denied or request.revocation or request.cancelled
    if ruling is None:
        return RequestRefused(
            f"request {request.id} expired: nobody decided until {whole_seconds(request.expires_at)}",
            hint=ask_anew(request.profile),
        )
    because = f": {ruling.comment}" if ruling.comment else ""
    return RequestRefused(
        f"request {request.id} was {request.status(now).value} by {ruling.by}{because}",
        hint=f"see it: sentinel check {request.id}",
    )
