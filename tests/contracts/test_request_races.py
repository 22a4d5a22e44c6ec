"""Requests that many change at the same moment, on the stores in which writers truly race."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.clock import sortable
from sentinel_server.errors import AlreadyExists, RequestOver, RequestRefused
from sentinel_server.identity.principal import Principal
from sentinel_server.records.model import Change
from sentinel_server.records.store import HURRY, Records
from sentinel_server.requests.asking import ask
from sentinel_server.requests.deciding import approve, cancel, deny, revoke
from sentinel_server.requests.deeds import Done
from sentinel_server.requests.desk import Desk, Limits, read_one
from sentinel_server.requests.listing import RequestQuery, list_requests
from sentinel_server.requests.model import REQUEST_TTL, Status
from sentinel_server.requests.rows import read_request, request_ref, requests_of
from sentinel_server.requests.sweeping import sweep
from tests.fakes.request_desk import Office, wanted
from tests.fakes.requests import ALICE, BOB, CAROL, NOON, policy_with, user
from tests.fakes.rivals import Hurried
from tests.fakes.session_stores import SHARED_BY_PROCESSES, open_records

Act = Callable[[Desk, str, Principal], Awaitable[Done]]


@pytest.fixture(params=["memory", *SHARED_BY_PROCESSES])
async def office(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_records(request.param, tmp_path) as records:
        yield Office(records=records)


async def at_once(*works: Awaitable[Done]) -> tuple[list[Done], list[BaseException]]:
    """What was done, and the errors, of works that begin together."""
    results = await asyncio.gather(*works, return_exceptions=True)
    done = [each for each in results if isinstance(each, Done)]
    return done, [each for each in results if isinstance(each, BaseException)]


async def listed(records: Records, status: Status) -> list[str]:
    """The ids of those that the store says are in that state."""
    page = await list_requests(records, RequestQuery(status=status), NOON, 100)
    return sorted(each.id for each in page.requests)


@pytest.mark.parametrize("turn", range(5))
async def test_weakness_22_approve_and_cancel_racing_leave_one_winner_and_one_honest_error(
    office: Office, turn: int
) -> None:
    request = await office.asked()
    works = [approve(office.desk(), request.id, BOB), cancel(office.desk(), request.id, ALICE)]
    (won,), (error,) = await at_once(*(works if turn % 2 else reversed(works)))
    assert isinstance(error, RequestOver)
    stored = await read_one(office.records, request.id)
    assert stored == won.request
    assert stored.status(NOON).value in error.message


async def test_weakness_22_everybody_who_decides_at_once_learns_what_was_decided(office: Office) -> None:
    request = await office.asked()
    people = [BOB, CAROL, user("dave")]
    decisions = [act(office.desk(), request.id, who) for who in people for act in (approve, deny)]
    done, errors = await at_once(*decisions)
    assert len(done) == 1
    assert len(errors) == 5
    assert all(isinstance(each, RequestOver) for each in errors)


async def test_votes_cast_at_once_are_all_counted_and_one_of_them_decides(office: Office) -> None:
    office.policy = policy_with(approvals_required=3)
    request = await office.asked()
    people = [BOB, CAROL, user("dave")]
    done, errors = await at_once(*(approve(office.desk(), request.id, who) for who in people))
    assert errors == []
    assert sorted(len(each.request.votes) for each in done) == [1, 2, 3]
    assert [len(each.request.votes) for each in done if each.request.approved_at is not None] == [3]


async def test_one_person_who_votes_many_times_at_once_is_one_vote(office: Office) -> None:
    office.policy = policy_with(approvals_required=2)
    request = await office.asked()
    done, errors = await at_once(*(approve(office.desk(), request.id, BOB) for _ in range(6)))
    assert len(done) == 1
    assert all(isinstance(each, AlreadyExists) for each in errors)
    assert len((await read_one(office.records, request.id)).votes) == 1


async def test_weakness_28_the_limit_of_open_requests_is_exact_under_16_at_once(office: Office) -> None:
    desk = office.desk(limits=Limits(max_pending=4))
    done, errors = await at_once(*(ask(desk, wanted(profile=f"prod-{n}")) for n in range(16)))
    assert len(done) == 4
    assert all(isinstance(each, RequestRefused) for each in errors)
    assert await listed(office.records, Status.PENDING) == sorted(each.request.id for each in done)


async def test_weakness_28_asking_for_one_profile_at_once_makes_one_request(
    office: Office,
) -> None:
    done, errors = await at_once(*(ask(office.desk(), wanted()) for _ in range(8)))
    assert len(done) == 1
    assert all(isinstance(each, AlreadyExists) for each in errors)


async def test_revoking_twice_at_once_has_one_winner(office: Office) -> None:
    request = await office.approved()
    done, errors = await at_once(*(revoke(office.desk(), request.id, who) for who in (BOB, CAROL)))
    assert (len(done), len(errors)) == (1, 1)
    assert isinstance(errors[0], RequestOver)


@pytest.mark.parametrize("act", [deny, revoke])
async def test_a_loop_of_writers_keeps_no_ending_from_landing(office: Office, act: Act) -> None:
    """The requester may change their row as often as they like, so they do."""
    request = await (office.asked() if act is deny else office.approved())
    ref, stop, changed = request_ref(request.id), asyncio.Event(), asyncio.Semaphore(0)

    async def rival() -> None:
        while not stop.is_set():
            row = (await office.records.get([ref]))[ref]
            note = Change(ref=ref, seen=row.version, set={"started_at": sortable(NOON)})
            if await office.records.commit([note]):
                changed.release()

    rivals = [asyncio.create_task(rival()) for _ in range(3)]
    try:
        async with asyncio.timeout(60):
            for _ in range(5):
                await changed.acquire()
            await act(office.desk(), request.id, BOB)
    finally:
        stop.set()
        await asyncio.gather(*rivals)
    ended = await read_one(office.records, request.id)
    assert ended.status(NOON) is (Status.DENIED if act is deny else Status.REVOKED)


@pytest.mark.parametrize("act", [deny, revoke])
async def test_somebody_who_is_always_quicker_keeps_no_ending_from_landing(office: Office, act: Act) -> None:
    request = await (office.asked() if act is deny else office.approved())
    hurried = Hurried(office.records)
    await act(replace(office.desk(), records=hurried), request.id, BOB)
    assert hurried.lost == HURRY
    with pytest.raises(RequestOver):
        await act(replace(office.desk(), records=hurried), request.id, BOB)
    ending = "request.denied" if act is deny else "request.revoked"
    assert (await office.told()).count(ending) == 1


async def test_two_sweeps_at_once_tell_of_an_expiry_once(office: Office) -> None:
    requests = [await office.asked(profile=f"prod-{n}") for n in range(3)]
    office.clock.pass_(REQUEST_TTL)

    async def swept() -> list[str]:
        found = [each async for each in sweep(office.desk())]
        return [each.request.id for each in found if isinstance(each, Done) and each.deeds]

    first, second = await asyncio.gather(swept(), swept())
    assert sorted(first + second) == sorted(each.id for each in requests)
    assert (await office.told()).count("request.expired") == 3


async def test_a_whole_life_is_read_back_from_the_store_as_it_was_told(office: Office) -> None:
    asked = await office.asked(ticket="OPS-1", justification="ä ö ü \U0001f511 'quoted' \"twice\" #x")
    assert await read_one(office.records, asked.id) == asked
    office.clock.pass_(timedelta(minutes=1))
    agreed = (await approve(office.desk(), asked.id, BOB, "fine, but be careful")).request
    assert await read_one(office.records, asked.id) == agreed
    ended = (await revoke(office.desk(), asked.id, CAROL, "enough")).request
    assert await read_one(office.records, asked.id) == ended
    (row,) = (await office.records.find(requests_of(ALICE.person, "prod"), 10)).rows
    assert read_request(row) == ended
    assert replace(ended, cut=None, version=agreed.version) == agreed
