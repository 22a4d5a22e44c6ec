"""Waiting for a decision: looks at the request less and less often, and says what happens meanwhile."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

from cli.output import note
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import RequestRefused, SentinelError, StoreUnavailable

if TYPE_CHECKING:
    from sentinel_server.requests.desk import Desk
    from sentinel_server.requests.model import AccessRequest

FIRST, LONGEST = 1.0, 15.0
"""Seconds between two looks, at first and at most."""
PATIENCE = 20
"""Looks in a row that may fail before we give up: about five minutes of them."""

Pause = Callable[[float], Awaitable[None]]
"""Lets so many seconds go by."""


async def wait_for(desk: Desk, request: AccessRequest, pause: Pause = asyncio.sleep) -> AccessRequest:
    """The request once it is no longer pending.

    Raises StoreUnavailable when that cannot be seen for long, and at once what only a person can mend, such
    as LoginRequired; the request stays open then.
    """
    from sentinel_server.requests.model import Status

    if request.status(desk.clock.now()) is not Status.PENDING:
        return request
    note(f"waiting until {whole_seconds(request.expires_at)} at the latest; Ctrl-C leaves the request open")
    delay, failures = FIRST, 0
    while True:
        await pause(delay * (0.75 + secrets.randbelow(500) / 1000))
        delay = min(delay * 1.5, LONGEST)
        # Nobody can approve what has expired, so a look that began after that shows how it ended.
        began = desk.clock.now()
        found = await _look(desk, request, failures)
        if found is None:
            failures += 1
            continue
        if failures:
            note("the store answers again")
        failures = 0
        for vote in found.votes[len(request.votes) :]:
            note(f"approved by {vote.person}{f': {vote.comment}' if vote.comment else ''}")
        request = found
        if request.status(began) is not Status.PENDING:
            return request


async def _look(desk: Desk, request: AccessRequest, failures: int) -> AccessRequest | None:
    """The request now; None when the store does not answer, which is said once."""
    from sentinel_server.requests.desk import read_one

    try:
        return await read_one(desk.records, request.id)
    except StoreUnavailable as error:
        if failures + 1 >= PATIENCE:
            raise _left_open(error, request) from error
        if not failures:
            note(f"warning: {error.message}; still waiting")
        return None
    except SentinelError as error:
        raise _left_open(error, request) from error


def _left_open(error: SentinelError, request: AccessRequest) -> SentinelError:
    return type(error)(
        f"{error.message}; nobody waits any more for request {request.id}, which is as it was",
        hint="; then ".join(filter(None, (error.hint, go_on(request.id)))),
    )


def go_on(request_id: str) -> str:
    """What to type about a request that is left open."""
    return f"see it: sentinel check {request_id}; take it back: sentinel cancel {request_id}"


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
