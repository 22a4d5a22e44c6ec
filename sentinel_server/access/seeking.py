"""Finding what might lift a refusal, and reading what was found.

An index only finds candidates; every decision looks at the rows themselves, read by their keys together with
the session's. A ledger that cannot be read, or a row that cannot, is no override, and the refusal says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sentinel_server.access.facts import Deny, Lift, NeedsApproval, Opening, Sought
from sentinel_server.access.finding import LOOKED_AT, Candidates, candidates
from sentinel_server.access.lifting import (
    Found,
    Judge,
    emergency_judge,
    is_theirs,
    judged,
    request_judge,
)
from sentinel_server.access.seat import Seat, Workflows
from sentinel_server.breakglass.model import Emergency, EventState
from sentinel_server.breakglass.rows import of_person, read_event
from sentinel_server.clock import Clock, sortable
from sentinel_server.errors import PolicyUnavailable, SentinelError, StoreUnavailable
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.identity.source_identity import Marker
from sentinel_server.policy.breakglass import LONGEST_EMERGENCY
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.read_approval import LONGEST_REQUEST
from sentinel_server.policy.sides import AnySide
from sentinel_server.records.model import Change, Ledger, Ref, Row
from sentinel_server.records.store import Records
from sentinel_server.requests.model import REQUEST_TTL, AccessRequest, Status
from sentinel_server.requests.rows import read_request, requests_of
from sentinel_server.requests.rules import not_about
from sentinel_server.sessions.model import Standing

AGAIN = 1.0
"""Seconds between two searches for one seat, lest a refused SDK that asks and asks burden the index."""

MOST = 4
"""Requests, and as many emergencies, that are looked at for one ask."""

_LEDGERS = {Marker.APPROVED: Ledger.REQUESTS, Marker.EMERGENCY: Ledger.BREAKGLASS}

_REQUESTS_COUNT = REQUEST_TTL + LONGEST_REQUEST + timedelta(minutes=10)
_EMERGENCIES_COUNT = LONGEST_EMERGENCY + timedelta(minutes=10)
"""What was made longer ago than that gives nothing any more."""


class Seeker:
    """Looks for approvals and emergencies for the seats of one gate."""

    def __init__(self, workflows: Workflows, persons: Persons, clock: Clock) -> None:
        self._workflows = workflows
        self._persons = persons
        self._clock = clock

    async def sought(
        self, standing: Standing | SentinelError, refs: tuple[Ref, ...], patience: float
    ) -> Sought:
        """What the rows under `refs`, as read in `standing`, and the policies they go by say now."""
        if not refs or isinstance(standing, SentinelError):
            return Sought()
        ledgers = {ref.ledger for ref in refs}
        approvals, breakglass = await asyncio.gather(
            self._side(DocumentKind.APPROVAL, Ledger.REQUESTS in ledgers, patience),
            self._side(DocumentKind.BREAKGLASS, Ledger.BREAKGLASS in ledgers, patience),
        )
        requests: list[AccessRequest] = []
        emergencies: list[Emergency] = []
        trouble: SentinelError | None = None
        for row in (standing.rows[ref] for ref in refs if ref in standing.rows):
            try:
                if row.ref.ledger is Ledger.REQUESTS:
                    requests.append(read_request(row))
                else:
                    emergencies.append(read_event(row))
            except StoreUnavailable as error:
                trouble = error
        return Sought(
            refs=refs,
            requests=tuple(requests),
            emergencies=tuple(emergencies),
            approvals=approvals,
            breakglass=breakglass,
            trouble=trouble,
            persons=self._persons,
            check=self._workflows.check,
        )

    def due(self, seat: Seat, refusal: Deny | NeedsApproval, sought: Sought) -> bool:
        """Whether to search for what could lift the refusal that the seat met, or to join who searches."""
        if not refusal.opening.by or seat.person is None:
            return False
        if seat.refs != sought.refs or (seat.search is not None and not seat.search.done()):
            return True
        last = seat.sought_at
        return last is None or self._clock.monotonic() - last >= AGAIN

    async def search(
        self, seat: Seat, principal: Principal, opening: Opening, patience: float
    ) -> SentinelError | None:
        """Put the newest candidates into `seat.refs`; the error when the ledgers could not be searched.

        Those who search for one seat at the same time share one search.
        """
        if seat.search is None or seat.search.done():
            seat.sought_at = self._clock.monotonic()
            seat.search = asyncio.create_task(self._search(seat, principal, opening, patience))
        return await asyncio.shield(seat.search)

    async def _search(
        self, seat: Seat, principal: Principal, opening: Opening, patience: float
    ) -> SentinelError | None:
        """Each ledger for itself: many may look into only one of them, and lose nothing by the other."""
        found = await asyncio.gather(
            *(self._found(seat, principal, opening, marker, patience) for marker in opening.by)
        )
        errors = [each for each in found if isinstance(each, SentinelError)]
        refs: list[Ref] = []
        for marker, each in zip(opening.by, found, strict=True):
            known = (ref for ref in seat.refs if ref.ledger is _LEDGERS[marker])
            refs += known if isinstance(each, SentinelError) else each
        seat.refs = tuple(refs)
        return errors[0] if errors else None

    async def _found(
        self, seat: Seat, principal: Principal, opening: Opening, marker: Marker, patience: float
    ) -> tuple[Ref, ...] | SentinelError:
        try:
            async with asyncio.timeout(patience):
                return await self._newest(seat, principal, opening, marker, patience)
        except SentinelError as error:
            return error
        except TimeoutError:
            return StoreUnavailable(f"no answer within {int(patience * 1000)} ms")
        except Exception as error:
            return StoreUnavailable(f"an unexpected {type(error).__name__} came instead of an answer")

    async def begin(self, request_id: str, sought: Sought) -> bool | SentinelError:
        """Write down that an approved access has begun; False when its row was changed meanwhile, perhaps by
        somebody who did the same, and the error when it could not be done.
        """
        request = next((each for each in sought.requests if each.id == request_id), None)
        if request is None:
            return StoreUnavailable(f"request {request_id} is not at hand")
        ref = Ref(ledger=Ledger.REQUESTS, key=request_id)
        begun = Change(ref=ref, seen=request.version, set={"started_at": sortable(self._clock.now())})
        try:
            return await (await self._workflows.open_records()).commit([begun])
        except SentinelError as error:
            return error

    async def _side(
        self, kind: DocumentKind, wanted: bool, patience: float
    ) -> AnySide | SentinelError | None:
        if not wanted:
            return None
        try:
            async with asyncio.timeout(patience):
                return await self._workflows.sides.load(kind)
        except SentinelError as error:
            return error
        except TimeoutError:
            return PolicyUnavailable(f"no answer within {int(patience * 1000)} ms")
        except Exception as error:
            return PolicyUnavailable(f"an unexpected {type(error).__name__} came instead of an answer")

    async def _newest(
        self, seat: Seat, principal: Principal, opening: Opening, marker: Marker, patience: float
    ) -> tuple[Ref, ...]:
        """The candidates that promise most: what lifts the refusal now, what may yet, else the newest, to
        say why not.
        """
        records = await self._workflows.open_records()
        if marker is Marker.APPROVED:
            return await self._requests(records, seat, principal, opening, patience)
        return await self._emergencies(records, seat, principal, opening, patience)

    async def _requests(
        self, records: Records, seat: Seat, principal: Principal, opening: Opening, patience: float
    ) -> tuple[Ref, ...]:
        profile, now = seat.ask.profile, self._clock.now()

        def read(row: Row) -> AccessRequest | None:
            request = read_request(row)
            return None if not_about(request, principal, profile, self._persons) else request

        searches = [requests_of(person, profile) for person in _people(seat)]
        side, found = await asyncio.gather(
            self._side(DocumentKind.APPROVAL, True, patience),
            candidates(records, searches, read, now - _REQUESTS_COUNT),
        )
        sought = Sought(approvals=side, persons=self._persons, check=self._workflows.check)
        judge = request_judge(sought, principal, profile, opening, now)
        waiting = [each.id for each in found.found if _may_count(each, now)]
        return _chosen(Ledger.REQUESTS, found, judge, waiting)

    async def _emergencies(
        self, records: Records, seat: Seat, principal: Principal, opening: Opening, patience: float
    ) -> tuple[Ref, ...]:
        profile, now = seat.ask.profile, self._clock.now()

        def read(row: Row) -> Emergency | None:
            event = read_event(row)
            return event if is_theirs(event, principal, profile, self._persons) else None

        searches = [of_person(person, profile) for person in _people(seat)]
        side, found = await asyncio.gather(
            self._side(DocumentKind.BREAKGLASS, True, patience),
            candidates(records, searches, read, now - _EMERGENCIES_COUNT),
        )
        judge = emergency_judge(
            Sought(breakglass=side, persons=self._persons), principal, profile, opening, now
        )
        waiting = [each.id for each in found.found if each.state(now) is EventState.ACTIVE]
        return _chosen(Ledger.BREAKGLASS, found, judge, waiting)


def _chosen(
    ledger: Ledger, candidates: Candidates[Found], judge: Judge[Found] | str, waiting: Sequence[str]
) -> tuple[Ref, ...]:
    """Raises StoreUnavailable when nothing lifts the refusal and not all there is was looked at."""
    found = candidates.found
    lifts: list[Lift] = [each for each in judged(found, judge) if isinstance(each, Lift)]
    if not lifts and not candidates.complete:
        raise StoreUnavailable(
            f"more than {LOOKED_AT} rows are filed under your name for this profile, and none of the newest "
            "lifts it",
            hint="ask the security team who wrote them",
        )
    lifts.sort(key=lambda each: each.ends_at, reverse=True)
    ids = [*dict.fromkeys((*(each.id for each in lifts), *waiting))] or [each.id for each in found[:1]]
    return tuple(Ref(ledger=ledger, key=each) for each in ids[:MOST])


def _people(seat: Seat) -> Sequence[str]:
    return [*dict.fromkeys(person for person in (seat.person, seat.own_person) if person)]


def _may_count(request: AccessRequest, now: datetime) -> bool:
    ends_at = request.ends_at
    if ends_at is None:
        return request.status(now) is Status.PENDING
    return request.status(now) is Status.APPROVED and now < ends_at
