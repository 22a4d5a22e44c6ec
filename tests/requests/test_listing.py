"""Finding requests: filters combine, pages are whole, and what cannot be read is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.errors import BadInput, NotFound, SentinelError
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import RETENTION, Change
from sentinel_server.requests.asking import ask
from sentinel_server.requests.deciding import deny, revoke
from sentinel_server.requests.deeds import Done, audit_line
from sentinel_server.requests.desk import parse_request_id
from sentinel_server.requests.listing import RequestPage, RequestQuery, list_requests
from sentinel_server.requests.model import KEPT_FOR, REQUEST_TTL, Ruling, Status
from sentinel_server.requests.rows import request_ref, request_values
from sentinel_server.requests.sweeping import over_at, sweep
from tests.fakes.request_desk import Office, wanted
from tests.fakes.requests import ALICE, BOB, CAROL, NOON, a_request, approved

MINUTE = timedelta(minutes=1)


async def filled() -> MemoryRecords:
    """Twelve requests, a minute apart: of Alice and Bob by turns, for prod and, each third one, for dev."""
    records = MemoryRecords()
    for n in range(12):
        request = a_request(
            BOB if n % 2 else ALICE,
            id=f"{n:016x}",
            profile="prod" if n % 3 else "dev",
            created_at=NOON + n * MINUTE,
            expires_at=NOON + n * MINUTE + REQUEST_TTL,
        )
        if n >= 6:
            request = approved(request, CAROL)
        change = Change(ref=request_ref(request.id), seen=None, set=request_values(request, NOON))
        assert await records.commit([change])
    return records


def ids(page: RequestPage) -> list[int]:
    return [int(each.id, 16) for each in page.requests]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (RequestQuery(), list(range(11, -1, -1))),
        (RequestQuery(person=ALICE.person), [10, 8, 6, 4, 2, 0]),
        (RequestQuery(user="bob"), [11, 9, 7, 5, 3, 1]),
        (RequestQuery(profile="dev"), [9, 6, 3, 0]),
        (RequestQuery(status=Status.PENDING), [5, 4, 3, 2, 1, 0]),
        (RequestQuery(status=Status.APPROVED, profile="dev"), [9, 6]),
        (RequestQuery(person=ALICE.person, profile="dev", status=Status.APPROVED), [6]),
        (RequestQuery(person=BOB.person, status=Status.PENDING, since=NOON + 2 * MINUTE), [5, 3]),
        (RequestQuery(waits_for=lambda request: request.id.endswith("5")), [5]),
        (RequestQuery(status=Status.REVOKED), []),
    ],
)
async def test_weakness_25_filters_combine(query: RequestQuery, found: list[int]) -> None:
    assert ids(await list_requests(await filled(), query, NOON, 100)) == found


async def test_weakness_24_pages_follow_each_other_without_gap_or_repetition() -> None:
    records, query = await filled(), RequestQuery(user="alice")
    found: list[int] = []
    token: str | None = None
    while True:
        page = await list_requests(records, query, NOON, 4, token)
        assert len(page.requests) <= 4
        found += ids(page)
        token = page.next_token
        if token is None:
            break
    assert found == [10, 8, 6, 4, 2, 0]
    with pytest.raises(BadInput):
        await list_requests(records, replace(query, person=BOB.person), NOON, 4, "nonsense")


async def test_weakness_20_what_has_expired_is_listed_as_expired_though_nobody_has_swept() -> None:
    records, later = await filled(), NOON + REQUEST_TTL + 2 * MINUTE
    assert ids(await list_requests(records, RequestQuery(status=Status.EXPIRED), later, 100)) == [2, 1, 0]
    assert ids(await list_requests(records, RequestQuery(status=Status.PENDING), later, 100)) == [5, 4, 3]


async def test_rows_that_cannot_be_read_are_named_and_hide_nothing() -> None:
    records = await filled()
    spoiled = Change(ref=request_ref(f"{3:016x}"), seen=1, set={"votes": "?"})
    assert await records.commit([spoiled])
    page = await list_requests(records, RequestQuery(), NOON, 100)
    assert page.unreadable == (f"{3:016x}",)
    assert len(page.requests) == 11


@pytest.mark.parametrize("text", ["", "x", "0123456789ABCDEF", "0123456789abcde", "pending#alice"])
def test_what_is_no_id_is_not_looked_up(text: str) -> None:
    with pytest.raises(SentinelError, match="not a request's id") as caught:
        parse_request_id(text)
    assert not isinstance(caught.value, NotFound)


async def swept(office: Office) -> list[Done | SentinelError]:
    return [each async for each in sweep(office.desk())]


async def test_weakness_20_a_sweep_writes_down_what_expired_and_tells_of_it_once() -> None:
    office = Office()
    request = await office.asked()
    assert await swept(office) == []
    office.clock.pass_(REQUEST_TTL)
    (done,) = await swept(office)
    assert isinstance(done, Done)
    (deed,) = done.deeds
    assert audit_line(deed).action.value == "request_expired"
    assert await office.told() == ["request.created", "request.expired"]
    row = (await office.records.get([request_ref(request.id)]))[request_ref(request.id)]
    assert row.values["status"] == "expired"
    assert await swept(office) == []


@pytest.mark.parametrize("end", ["expired", "denied", "approved", "revoked"])
async def test_weakness_19_a_row_may_be_forgotten_400_days_after_its_end_and_not_before(end: str) -> None:
    office = Office()
    request = await office.asked()
    office.clock.pass_(MINUTE)
    if end == "denied":
        request = (await deny(office.desk(), request.id, BOB)).request
    elif end != "expired":
        request = await office.approved(profile="prod-2")
        if end == "revoked":
            request = (await revoke(office.desk(), request.id, BOB)).request
    before = (await office.records.get([request_ref(request.id)]))[request_ref(request.id)]
    assert RETENTION not in before.values, "nobody but the sweep lets a row be forgotten"
    office.clock.pass_(REQUEST_TTL + timedelta(hours=9))
    await swept(office)
    row = (await office.records.get([request_ref(request.id)]))[request_ref(request.id)]
    assert row.values[RETENTION] == int((over_at(request) + KEPT_FOR).timestamp())


def test_a_request_is_over_with_the_last_thing_that_became_of_it() -> None:
    request = approved(a_request(), BOB)
    assert over_at(request) == NOON + MINUTE + timedelta(hours=1)
    late = replace(request, revoked=Ruling(at=NOON + timedelta(hours=3), by=CAROL.person))
    assert over_at(late) == NOON + timedelta(hours=3)


async def test_a_row_that_cannot_be_swept_is_said_and_keeps_no_other_from_it() -> None:
    office = Office()
    first = await office.asked(profile="prod-1")
    office.clock.pass_(MINUTE)
    await ask(office.desk(), wanted(profile="prod-2"))
    spoiled = Change(ref=request_ref(first.id), seen=1, set={"votes": "?"})
    assert await office.records.commit([spoiled])
    office.clock.pass_(REQUEST_TTL)
    error, done = await swept(office)
    assert isinstance(error, SentinelError)
    assert isinstance(done, Done)
