"""When an emergency may be forgotten: never before it was reviewed, and 400 days after a sweep saw that; one
that somebody changed never.

Only the security team's sweep writes that time, and by its own clock: whoever opens or reviews could date
back what they write, and DynamoDB would take the evidence away.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from sentinel_server.breakglass.model import EventState
from sentinel_server.breakglass.rows import read_event
from sentinel_server.clock import sortable
from sentinel_server.errors import SentinelError
from sentinel_server.records.model import RETENTION, Change, Ledger, Row, Search, kept
from sentinel_server.records.store import Records

KEPT = timedelta(days=400)
"""How long an emergency is kept after its review."""

_PAGE = 100


async def age(records: Records, now: datetime) -> AsyncIterator[SentinelError]:
    """Let what was reviewed age; an error for each row where that could not be done. What was opened longer
    ago than `KEPT` and never seen by a sweep is kept for ever.

    Raises StoreUnavailable when the search itself breaks off.
    """
    for state in (EventState.CLOSED, EventState.EXPIRED):
        search = Search(ledger=Ledger.BREAKGLASS, by="status", value=state.value, since=sortable(now - KEPT))
        token: str | None = None
        while True:
            found = await records.find(search, _PAGE, token)
            for row in found.rows:
                try:
                    await _age(records, row, now)
                except SentinelError as error:
                    yield error
            token = found.next_token
            if token is None:
                break


async def _age(records: Records, row: Row, now: datetime) -> None:
    """Whoever is quicker than this leaves it to the next sweep."""
    event = read_event(row)
    if RETENTION in row.values or event.review is None or not event.intact:
        return
    await records.commit([Change(ref=row.ref, seen=row.version, set={RETENTION: kept(now, KEPT)})])
