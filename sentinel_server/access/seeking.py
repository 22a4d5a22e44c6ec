"""Finding what might lift a refusal, and reading what was found.

An index only finds candidates; every decision looks at the rows themselves, read by their keys together with
the session's. A ledger that cannot be read, or a row that cannot, is no override, and the refusal says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sentinel_server.access.facts import Deny, NeedsApproval, Opening, Sought
from sentinel_server.access.seat import Seat, Workflows
from sentinel_server.breakglass.model import Emergency, EventState
from sentinel_server.breakglass.rows import of_person, read_event
from sentinel_server.clock import Clock, sortable
from sentinel_server.errors import PolicyUnavailable, SentinelError, StoreUnavailable
from sentinel_server.identity.people import Persons
from sentinel_server.identity.source_identity import Marker
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.sides import AnySide
from sentinel_server.records.model import Change, Ledger, Ref
from sentinel_server.records.store import Records
from sentinel_server.requests.model import AccessRequest, Status
from sentinel_server.requests.rows import newest_requests, read_request
from sentinel_server.sessions.model import Standing

AGAIN = 1.0
"""Seconds between two searches for one seat, lest a refused SDK that asks and asks burden the index."""

MOST = 4
"""Requests, and as many emergencies, that are looked at for one ask."""

_LEDGERS = {Marker.APPROVED: Ledger.REQUESTS, Marker.EMERGENCY: Ledger.BREAKGLASS}

_LOOKED_AT = 50
"""Emergencies of one person for one profile among which those that are open are looked for."""


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

    async def search(self, seat: Seat, opening: Opening, patience: float) -> SentinelError | None:
        """Put the newest candidates into `seat.refs`; the error when the ledgers could not be searched.

        Those who search for one seat at the same time share one search.
        """
        if seat.search is None or seat.search.done():
            seat.sought_at = self._clock.monotonic()
            seat.search = asyncio.create_task(self._search(seat, opening, patience))
        return await asyncio.shield(seat.search)

    async def _search(self, seat: Seat, opening: Opening, patience: float) -> SentinelError | None:
        """Each ledger for itself: many may look into only one of them, and lose nothing by the other."""
        found = await asyncio.gather(*(self._found(seat, marker, patience) for marker in opening.by))
        errors = [each for each in found if isinstance(each, SentinelError)]
        refs: list[Ref] = []
        for marker, each in zip(opening.by, found, strict=True):
            known = (ref for ref in seat.refs if ref.ledger is _LEDGERS[marker])
            refs += known if isinstance(each, SentinelError) else each
        seat.refs = tuple(refs)
        return errors[0] if errors else None

    async def _found(self, seat: Seat, marker: Marker, patience: float) -> tuple[Ref, ...] | SentinelError:
        try:
            async with asyncio.timeout(patience):
                return await self._newest(seat, marker)
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

    async def _newest(self, seat: Seat, marker: Marker) -> tuple[Ref, ...]:
        """The candidates that promise most: what is or may still be in force, else the newest, to say why
        not.
        """
        now, profile = self._clock.now(), seat.ask.profile
        records = await self._workflows.open_records()
        people = dict.fromkeys(person for person in (seat.person, seat.own_person) if person)
        if marker is Marker.APPROVED:
            asked = [each for person in people for each in await newest_requests(records, person, profile)]
            hopes = [each.id for each in asked if _may_count(each, now)]
            return _refs(Ledger.REQUESTS, hopes or [each.id for each in asked[:1]])
        events = [each for person in people for each in await _events(records, person, profile)]
        open_now = [each.id for each in events if each.state(now) is EventState.ACTIVE]
        return _refs(Ledger.BREAKGLASS, open_now or [each.id for each in events[:1]])


async def _events(records: Records, person: str, profile: str) -> list[Emergency]:
    """A person's newest emergencies; a row that is none is passed over."""
    events: list[Emergency] = []
    for row in (await records.find(of_person(person, profile), _LOOKED_AT)).rows:
        with suppress(StoreUnavailable):
            events.append(read_event(row))
    return events


def _may_count(request: AccessRequest, now: datetime) -> bool:
    ends_at = request.ends_at
    if ends_at is None:
        return request.status(now) is Status.PENDING
    return request.status(now) is Status.APPROVED and now < ends_at


def _refs(ledger: Ledger, ids: Sequence[str]) -> tuple[Ref, ...]:
    return tuple(Ref(ledger=ledger, key=each) for each in ids[:MOST])
