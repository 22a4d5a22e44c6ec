"""Finding emergencies by several conditions at once. An index finds by one of them, the rest is looked at."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.breakglass.model import Emergency, EventState
from sentinel_server.breakglass.rows import KIND, person_profile, read_event
from sentinel_server.clock import sortable
from sentinel_server.errors import StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.records.model import Ledger, Search
from sentinel_server.records.store import Records


@frozen
class EventQuery:
    """Which emergencies: all given conditions hold. `since` bounds `created_at`.

    `unreviewed` are those that are over, or were changed, and nobody has reviewed: told by what reviewers
    write, and by nothing that the invoker could take away. `drill` None takes both, and so does what was
    changed.
    """

    person: str | None = None
    profile: str | None = None
    state: EventState | None = None
    unreviewed: bool = False
    drill: bool | None = None
    since: datetime | None = None

    def fits(self, event: Emergency, now: datetime) -> bool:
        """Whether all conditions hold for an emergency at `now`."""
        return (
            self.person in (None, event.person)
            and self.profile in (None, event.profile)
            and self.state in (None, event.state(now))
            and (not self.unreviewed or event.unfinished(now))
            and (self.drill in (None, event.drill) or not event.intact)
            and (self.since is None or event.created_at >= self.since)
        )

    def search(self) -> Search:
        """The search by the index that leaves least to look at; for a person, one that invokers may use."""
        by, value = self._index()
        since = None if self.since is None else sortable(self.since)
        return Search(ledger=Ledger.BREAKGLASS, by=by, value=value, since=since)

    def _index(self) -> tuple[str, str]:
        if self.person is not None and self.profile is not None:
            return "person_profile", person_profile(self.person, self.profile)
        if self.person is not None:
            return "person", self.person
        if self.unreviewed:
            return "kind", KIND
        if self.state in (EventState.ACTIVE, EventState.CLOSED):
            return "status", self.state.value
        if self.profile is not None:
            return "profile", self.profile
        return "kind", KIND


@frozen
class Listed:
    """Emergencies, newest first, and a token for more when there may be some.

    `unreadable` are the keys of rows that are emergencies by their kind and not in full.
    """

    events: tuple[Emergency, ...]
    next_token: str | None = None
    unreadable: tuple[str, ...] = ()


async def list_events(
    records: Records, query: EventQuery, now: datetime, limit: int, token: str | None = None
) -> Listed:
    """One page of at most `limit` emergencies. It may lag behind by moments.

    Raises BadInput for a token of another query, StoreUnavailable.
    """
    events: list[Emergency] = []
    unreadable: list[str] = []
    search = query.search()
    while True:
        found = await records.find(search, limit - len(events), token)
        for row in found.rows:
            if row.values.get("kind") != KIND:
                continue  # other rows of this ledger have persons and profiles, too
            try:
                event = read_event(row)
            except StoreUnavailable:
                unreadable.append(row.ref.key)
                continue
            if query.fits(event, now):
                events.append(event)
        token = found.next_token
        if token is None or len(events) >= limit:
            return Listed(events=tuple(events), next_token=token, unreadable=tuple(unreadable))
