"""Finding requests by several conditions at once: an index finds by one of them, the rest is looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sentinel_server.clock import sortable
from sentinel_server.errors import StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.records.model import Ledger, Search
from sentinel_server.records.store import Records
from sentinel_server.requests.model import AccessRequest, Status
from sentinel_server.requests.rows import KIND, person_profile, read_request

MOST_PAGES = 50
"""Pages of a search that are looked at for one page of ours; what is left comes with the next token."""


@frozen
class RequestQuery:
    """Which requests: all given conditions hold. `since` bounds `created_at`, `user` is the bare name.

    `waits_for` is asked of each, for what only a policy can tell.
    """

    person: str | None = None
    user: str | None = None
    profile: str | None = None
    status: Status | None = None
    since: datetime | None = None
    waits_for: Callable[[AccessRequest], bool] | None = None

    def fits(self, request: AccessRequest, now: datetime) -> bool:
        """Whether all conditions hold for a request at `now`."""
        return (
            self.person in (None, request.person)
            and self.user in (None, request.user)
            and self.profile in (None, request.profile)
            and self.status in (None, request.status(now))
            and (self.since is None or request.created_at >= self.since)
            and (self.waits_for is None or self.waits_for(request))
        )

    def search(self) -> Search:
        """The narrowest index for it. What has expired is still called pending by rows nobody has swept."""
        by, value = "kind", KIND
        if self.person is not None and self.profile is not None:
            by, value = "person_profile", person_profile(self.person, self.profile)
        elif self.person is not None:
            by, value = "person", self.person
        elif self.status is not None and self.status is not Status.EXPIRED:
            by, value = "status", self.status.value
        elif self.profile is not None:
            by, value = "profile", self.profile
        since = None if self.since is None else sortable(self.since)
        return Search(ledger=Ledger.REQUESTS, by=by, value=value, since=since)


@frozen
class RequestPage:
    """Requests, newest first, the token of the next page when there may be more, and the keys of rows that
    could not be read.
    """

    requests: tuple[AccessRequest, ...]
    next_token: str | None = None
    unreadable: tuple[str, ...] = ()


async def list_requests(
    records: Records, query: RequestQuery, now: datetime, limit: int, token: str | None = None
) -> RequestPage:
    """One page of at most `limit` requests, from 1 to 1000. It may be short, and even empty, with more to
    come. Raises BadInput for a token of another query, StoreUnavailable.
    """
    search = query.search()
    found: list[AccessRequest] = []
    unreadable: list[str] = []
    for _ in range(MOST_PAGES):
        # No more than are still wanted, so that the store's token is where we stopped.
        page = await records.find(search, limit - len(found), token)
        for row in page.rows:
            if row.values.get("kind") != KIND:
                continue
            try:
                request = read_request(row)
            except StoreUnavailable:
                unreadable.append(row.ref.key)
                continue
            if query.fits(request, now):
                found.append(request)
        token = page.next_token
        if token is None or len(found) == limit:
            break
    return RequestPage(requests=tuple(found), next_token=token, unreadable=tuple(unreadable))
