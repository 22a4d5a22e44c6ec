"""Approvals and emergencies at the gate: found when needed, read anew at every fetch, dropped at once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.access.facts import Allow
from sentinel_server.access.gate import Gate
from sentinel_server.access.once import issue_once
from sentinel_server.auditlog.event import Action
from sentinel_server.clock import sortable
from sentinel_server.errors import (
    ApprovalRequired,
    PolicyDenied,
    PolicyUnavailable,
    SessionRevoked,
    StoreUnavailable,
    TooLate,
)
from sentinel_server.policy.schema import Effect, Mode, Rule
from sentinel_server.records.model import Found, Ledger, Search
from sentinel_server.requests.rows import request_ref
from sentinel_server.sessions.cutting import Lifted, cut_sessions
from sentinel_server.sessions.store import SessionQuery
from tests.fakes import requests
from tests.fakes.clock import NOON
from tests.fakes.gate import ANYONE, DENY, loaded
from tests.fakes.overrides import WANTS_APPROVAL, CountingRecords, an_event, approved_request, scene


async def test_an_approved_request_is_found_used_stamped_and_written_down() -> None:
    at = scene(WANTS_APPROVAL)
    request = await at.has(approved_request())
    issued = await issue_once(Gate(at.world.sources), at.world.a_seat())
    assert issued.allow.override_id == request.id
    asked = at.world.roles.asks[-1]
    assert asked.source_identity.startswith("sentinel=u.alice=a=")
    assert asked.duration == timedelta(minutes=59)
    lines = [event for event in at.world.audit.events if event.override == request.id]
    assert [event.action for event in lines] == [
        Action.REQUEST_STARTED,
        Action.INTENT,
        Action.OUTCOME,
        Action.SERVED,
    ]
    assert {event.override_kind for event in lines} == {"approval"}
    assert lines[2].outcome == "issued"


async def test_the_first_use_is_in_the_row_before_aws_is_asked() -> None:
    at = scene(WANTS_APPROVAL)
    request = await at.has(approved_request())
    await issue_once(Gate(at.world.sources), at.world.a_seat())
    row = at.ledger.look([request_ref(request.id)])[request_ref(request.id)]
    assert row.values["started_at"] == sortable(NOON)


async def test_a_first_use_that_cannot_be_written_down_is_a_refusal() -> None:
    at = scene(WANTS_APPROVAL)
    await at.has(approved_request())
    seat = at.world.a_seat()
    gate = Gate(at.world.sources)

    class Breaking(CountingRecords):
        async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
            found = await self.inner.find(search, limit, token)
            self.fails = StoreUnavailable("disk full")
            return found

    at.world.records = Breaking(at.ledger)
    gate = Gate(at.world.sources)
    with pytest.raises(StoreUnavailable, match="disk full"):
        await issue_once(gate, seat)
    assert at.world.roles.asks == []


async def test_policy_that_allows_by_itself_searches_for_nothing() -> None:
    at = scene(Rule(name="ok", effect=Effect.ALLOW, conditions=ANYONE))
    await at.has(approved_request())
    issued = await issue_once(Gate(at.world.sources), at.world.a_seat())
    assert issued.allow.override_id is None
    assert at.counted.searches == 0


async def test_a_server_is_no_longer_served_at_the_next_fetch_after_its_approval_was_taken_back() -> None:
    at = scene(WANTS_APPROVAL)
    request = await at.has(approved_request())
    session = at.world.a_server()
    await session.start()
    try:
        assert json.loads(await session.fetch())["Code"] == "Success"
        (row,) = (await at.world.store.sessions(SessionQuery(), at.world.clock.now(), 10)).sessions
        assert row.override_id == request.id
        assert row.source_identity.startswith("sentinel=u.alice=a=")
        await at.revokes(request)
        with pytest.raises(ApprovalRequired, match=f"request {request.id}: it is revoked"):
            await session.fetch()
    finally:
        await session.close()


async def test_a_server_is_no_longer_served_at_the_next_fetch_after_its_emergency_was_closed() -> None:
    at = scene(DENY)
    event = await at.breaks(an_event())
    session = at.world.a_server()
    await session.start()
    try:
        assert json.loads(await session.fetch())["Code"] == "Success"
        assert at.world.roles.asks[-1].source_identity.startswith("sentinel=u.alice=b=")
        await at.closes(event)
        with pytest.raises(PolicyDenied, match=f"emergency {event.id} is closed"):
            await session.fetch()
    finally:
        await session.close()


async def test_an_approval_that_comes_while_a_program_asks_and_asks_is_taken_up() -> None:
    at = scene(WANTS_APPROVAL)
    pending = await at.has(replace(approved_request(), votes=(), approved_at=None))
    seat = at.world.a_seat(Mode.CREDENTIAL_PROCESS)
    gate = Gate(at.world.sources)
    with pytest.raises(ApprovalRequired, match=f"request {pending.id}: it is pending"):
        await gate.issue(seat)
    await at.has(approved_request())
    issued = await gate.issue(seat)
    assert issued.allow.override_id == pending.id
    assert at.counted.searches == 2, "the row itself told, without another search of the index"


async def test_a_program_that_asks_and_asks_searches_no_more_than_once_a_second() -> None:
    at = scene(WANTS_APPROVAL)
    seat = at.world.a_seat()
    gate = Gate(at.world.sources)
    for _ in range(5):
        with pytest.raises(ApprovalRequired):
            await gate.issue(seat)
    assert at.counted.searches == 2, "one for requests, one for emergencies"
    at.later(seconds=1)
    with pytest.raises(ApprovalRequired):
        await gate.issue(seat)
    assert at.counted.searches == 4


async def test_ledgers_that_fail_are_no_override_and_the_refusal_says_so() -> None:
    at = scene(WANTS_APPROVAL)
    await at.has(approved_request())
    at.counted.fails = StoreUnavailable("table is gone")
    with pytest.raises(ApprovalRequired, match="could not be looked at: table is gone"):
        await issue_once(Gate(at.world.sources), at.world.a_seat())
    assert at.world.roles.asks == []


async def test_who_may_look_into_one_of_the_ledgers_only_is_served_by_what_is_there() -> None:
    class OnlyRequests(CountingRecords):
        async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
            if search.ledger is not Ledger.REQUESTS:
                raise StoreUnavailable("AccessDenied")
            return await self.inner.find(search, limit, token)

    at = scene(WANTS_APPROVAL)
    at.world.records = OnlyRequests(at.ledger)
    with pytest.raises(ApprovalRequired, match="could not be looked at: AccessDenied"):
        await issue_once(Gate(at.world.sources), at.world.a_seat())
    request = await at.has(approved_request())
    at.later(seconds=1)
    issued = await issue_once(Gate(at.world.sources), at.world.a_seat())
    assert issued.allow.override_id == request.id


async def test_an_approval_policy_that_cannot_be_read_stops_a_server_that_ran_by_it() -> None:
    at = scene(WANTS_APPROVAL)
    await at.has(approved_request())
    session = at.world.a_server()
    await session.start()
    try:
        await session.fetch()
        at.world.sides.fails = PolicyUnavailable("approvals.yaml is gone")
        with pytest.raises(ApprovalRequired, match=r"approvals\.yaml is gone"):
            await session.fetch()
        at.world.sides.fails = None
        assert json.loads(await session.fetch())["Code"] == "Success"
    finally:
        await session.close()


async def test_a_server_goes_on_by_a_second_approval_when_the_first_is_taken_back() -> None:
    at = scene(WANTS_APPROVAL)
    first = await at.has(approved_request())
    session = at.world.a_server()
    await session.start()
    try:
        await session.fetch()
        second = await at.has(approved_request(id="f" * 16, votes=(), approved_at=None))
        await at.has(requests.approved(second, requests.BOB, at=NOON))
        await at.revokes(first)
        assert json.loads(await session.fetch())["Code"] == "Success"
        intents = [event for event in at.world.audit.events if event.action is Action.INTENT]
        assert [event.override for event in intents] == [first.id, second.id]
    finally:
        await session.close()


async def test_a_session_that_went_with_its_approval_is_served_by_no_policy_and_no_other_approval() -> None:
    at = scene(WANTS_APPROVAL)
    first = await at.has(approved_request())
    session = at.world.a_server()
    await session.start()
    try:
        await session.fetch()
        await at.revokes(first)
        ended = Lifted(
            id=first.id,
            person=first.person,
            profile="prod",
            at=at.world.clock.now(),
            by="iam:111122223333:sec",
            reason=f"approval {first.id} was revoked: INC-1",
            own=False,
        )
        assert len((await cut_sessions(at.world.store, ended)).sessions) == 1
        await at.has(approved_request(id="f" * 16))
        at.world.policies.policy = loaded(Rule(name="anyone", effect=Effect.ALLOW, conditions=ANYONE))
        with pytest.raises(SessionRevoked, match="INC-1"):
            await session.fetch()
    finally:
        await session.close()


async def test_credentials_of_one_override_are_never_served_for_another() -> None:
    at = scene(WANTS_APPROVAL)
    first = await at.has(approved_request())
    session = at.world.a_server()
    await session.start()
    try:
        before = json.loads(await session.fetch())["AccessKeyId"]
        await at.has(requests.approved(approved_request(id="f" * 16, votes=()), requests.BOB, at=NOON))
        await at.revokes(first)
        assert json.loads(await session.fetch())["AccessKeyId"] != before
    finally:
        await session.close()


async def test_those_who_ask_while_another_searches_wait_for_what_it_finds() -> None:
    at = scene(WANTS_APPROVAL)
    first = await at.has(approved_request())
    session = at.world.a_server()
    await session.start()
    try:
        await session.fetch()
        await at.has(requests.approved(approved_request(id="f" * 16, votes=()), requests.BOB, at=NOON))
        await at.revokes(first)
        searches = at.counted.searches
        answers = await asyncio.gather(*(session.fetch() for _ in range(12)))
        assert {json.loads(answer)["Code"] for answer in answers} == {"Success"}
        assert at.counted.searches == searches + 2
        started = [event for event in at.world.audit.events if event.action is Action.REQUEST_STARTED]
        assert len(started) == 2
    finally:
        await session.close()


async def test_two_that_use_an_approval_for_the_first_time_at_once_are_both_served() -> None:
    at = scene(WANTS_APPROVAL)
    await at.has(approved_request())
    seats = [at.world.a_seat(), at.world.a_seat()]
    issued = await asyncio.gather(*(issue_once(Gate(at.world.sources), seat) for seat in seats))
    assert len({each.credentials.access_key_id for each in issued}) == 2


async def test_a_mistake_of_ours_in_a_search_is_a_refusal_that_says_so() -> None:
    at = scene(WANTS_APPROVAL)

    class Broken(CountingRecords):
        async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
            raise RuntimeError("boom")

    at.world.records = Broken(at.ledger)
    with pytest.raises(ApprovalRequired, match="an unexpected RuntimeError came instead"):
        await issue_once(Gate(at.world.sources), at.world.a_seat())


async def test_what_was_asked_of_aws_under_one_override_is_not_handed_out_under_another() -> None:
    at = scene(WANTS_APPROVAL)
    first = await at.has(approved_request())
    gate, seat = Gate(at.world.sources), at.world.a_seat()
    decision = await gate.decision(seat)
    assert isinstance(decision, Allow)
    assert decision.override_id == first.id
    await at.has(requests.approved(approved_request(id="f" * 16, votes=()), requests.BOB, at=NOON))
    await at.revokes(first)
    assert isinstance(await gate.decision(seat), Allow)
    with pytest.raises(TooLate, match="changed while this was under way"):
        await gate.fulfil(seat, decision)
