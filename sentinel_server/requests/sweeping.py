"""What time does to requests, written down by the security team's cron: what nobody decided about expires,
and what is over may be forgotten once it has been evidence for long enough.

Nothing depends on it being done: a request is what its times say, whoever has swept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

from sentinel_server.clock import sortable
from sentinel_server.errors import SentinelError
from sentinel_server.notifications.event import EventType
from sentinel_server.records.model import RETENTION, Change, Ledger, Row, Search, kept
from sentinel_server.requests.deeds import Deed, Done
from sentinel_server.requests.desk import Desk, change
from sentinel_server.requests.model import KEPT_FOR, AccessRequest, Status
from sentinel_server.requests.rows import KIND, read_request

LOOK_BACK = timedelta(days=30)
"""How old a request may be when it is swept; a sweep is due at least that often."""
_PAGE = 100


async def sweep(desk: Desk, look_back: timedelta = LOOK_BACK) -> AsyncIterator[Done | SentinelError]:
    """Write down what has become of the requests of that time, oldest first; an error for each where that
    could not be done.

    Raises StoreUnavailable when the search itself breaks off.
    """
    since = sortable(desk.clock.now() - look_back)
    search = Search(ledger=Ledger.REQUESTS, by="kind", value=KIND, since=since, newest_first=False)
    token: str | None = None
    while True:
        found = await desk.records.find(search, _PAGE, token)
        for row in found.rows:
            try:
                done = await _swept(desk, row)
            except SentinelError as error:
                yield error
            else:
                if done is not None:
                    yield done
        token = found.next_token
        if token is None:
            return


def over_at(request: AccessRequest) -> datetime:
    """The last moment at which anything could still become of the request."""
    rulings = (request.denied, request.cancelled, request.revoked, request.cut)
    ends = [each.at for each in rulings if each is not None]
    return max([*ends, request.ends_at or request.expires_at])


async def _swept(desk: Desk, row: Row) -> Done | None:
    """What was noted; None when there was nothing to note, or the row has changed since it was found."""
    request, now = read_request(row), desk.clock.now()
    if RETENTION in row.values or now < over_at(request):
        return None
    until = kept(over_at(request), KEPT_FOR)
    status = request.status(now)
    if status is not Status.EXPIRED or row.values.get("status") == status.value:
        changed = await desk.records.commit([Change(ref=row.ref, seen=row.version, set={RETENTION: until})])
        return Done(request=request) if changed else None
    after = replace(request, version=request.version + 1)
    deed = Deed(type=EventType.REQUEST_EXPIRED, request=after, at=now)
    return await change(desk, request, {"status": status.value, RETENTION: until}, (deed,))
