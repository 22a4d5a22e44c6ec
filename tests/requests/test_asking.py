"""Asking: what may be asked, how often, and what a rule approves by itself."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.errors import (
    AlreadyExists,
    BadInput,
    PolicyUnavailable,
    RequestOver,
    RequestRefused,
    StoreUnavailable,
)
from sentinel_server.notifications.event import SYSTEM, EventType
from sentinel_server.policy.approval import AutoApproval
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref
from sentinel_server.requests.asking import ask, extend
from sentinel_server.requests.deciding import approve, cancel, deny
from sentinel_server.requests.deeds import audit_line
from sentinel_server.requests.desk import Limits, read_one
from sentinel_server.requests.model import REQUEST_TTL, Status
from tests.fakes.request_desk import Office, wanted
from tests.fakes.requests import ALICE, BOB, CAROL, NOON, policy_with, user

HOUR = timedelta(hours=1)


@pytest.fixture
def office() -> Office:
    return Office()


async def test_a_request_is_written_told_and_logged_in_one_commit(office: Office) -> None:
    done = await ask(office.desk(), wanted(ticket="OPS-1"))
    stored = await read_one(office.records, done.request.id)
    assert stored == done.request
    assert (stored.status(NOON), stored.person, stored.expires_at) == (
        Status.PENDING,
        ALICE.person,
        NOON + REQUEST_TTL,
    )
    assert await office.told() == ["request.created"]
    assert len(done.deliveries) == 1
    (deed,) = done.deeds
    line = audit_line(deed)
    assert (line.request_id, line.by, line.principal, line.ticket) == (
        stored.id,
        ALICE.person,
        ALICE.arn,
        "OPS-1",
    )
    assert (line.status, line.duration_seconds, line.auto_approved) == ("pending", 3600, None)


@pytest.mark.parametrize(
    "text",
    ["", "         ", "too short", "x" * 501, "line\nbreak in it", "\x1b[31mred words here", "a\u202eb" * 9],
)
async def test_weakness_28_a_justification_says_something_in_plain_characters(
    office: Office, text: str
) -> None:
    with pytest.raises(BadInput, match="justification"):
        await ask(office.desk(), wanted(justification=text))


async def test_weakness_28_characters_count_and_not_bytes(office: Office) -> None:
    await ask(office.desk(), wanted(justification="ä" * 500))
    with pytest.raises(BadInput, match="has 9 characters"):
        await ask(office.desk(), wanted(justification="ä" * 9))
    with pytest.raises(BadInput, match="has 9 characters"):
        await ask(office.desk(), wanted(justification="a       b       c       d       e"))


@pytest.mark.parametrize("ticket", ["", "OPS-", "see OPS-1", "OPS-1\n"])
async def test_weakness_28_a_ticket_is_of_the_form_that_is_set(office: Office, ticket: str) -> None:
    desk = office.desk(limits=Limits(ticket=re.compile("OPS-[0-9]+")))
    with pytest.raises(BadInput, match="ticket"):
        await ask(desk, wanted(ticket=ticket))
    assert (await ask(desk, wanted(ticket="OPS-7"))).request.ticket == "OPS-7"


@pytest.mark.parametrize("duration", [timedelta(0), timedelta(seconds=59), timedelta(hours=8, seconds=1)])
async def test_a_duration_outside_of_what_can_be_asked_is_refused_and_never_cut(
    office: Office, duration: timedelta
) -> None:
    with pytest.raises(BadInput, match="cannot be asked for"):
        await ask(office.desk(), wanted(duration=duration))


async def test_a_rules_longest_access_is_said_when_more_is_asked(office: Office) -> None:
    office.policy = policy_with(max_duration=HOUR / 2)
    with pytest.raises(RequestRefused, match="30m at most"):
        await ask(office.desk(), wanted())


async def test_weakness_2_without_a_policy_or_a_rule_nothing_can_be_asked(office: Office) -> None:
    with pytest.raises(RequestRefused, match="nobody may approve"):
        await ask(office.desk(), wanted(profile="dev"))
    office.policy = None
    with pytest.raises(RequestRefused, match="no approval policy"):
        await ask(office.desk(), wanted())
    office.fails = PolicyUnavailable("unreadable")
    with pytest.raises(PolicyUnavailable):
        await ask(office.desk(), wanted())


async def test_weakness_28_a_second_request_for_a_profile_points_to_the_first(office: Office) -> None:
    first = await office.asked()
    with pytest.raises(AlreadyExists, match=first.id) as caught:
        await ask(office.desk(), wanted())
    assert f"sentinel cancel {first.id}" in caught.value.hint
    await office.asked(profile="prod-2")


async def test_weakness_28_a_person_has_no_more_open_requests_than_the_limit(office: Office) -> None:
    desk = office.desk(limits=Limits(max_pending=2))
    first = (await ask(desk, wanted(profile="prod-1"))).request
    await ask(desk, wanted(profile="prod-2"))
    with pytest.raises(RequestRefused, match="2 requests of yours wait"):
        await ask(desk, wanted(profile="prod-3"))
    await ask(desk, wanted(BOB, profile="prod-3"))
    await deny(office.desk(), first.id, CAROL)
    await ask(desk, wanted(profile="prod-3"))


@pytest.mark.parametrize("end", ["cancelled", "approved", "expired"])
async def test_what_is_no_longer_pending_is_not_counted(office: Office, end: str) -> None:
    desk = office.desk(limits=Limits(max_pending=1))
    first = (await ask(desk, wanted())).request
    if end == "cancelled":
        await cancel(desk, first.id, ALICE)
    elif end == "approved":
        await approve(desk, first.id, BOB)
    else:
        office.clock.pass_(REQUEST_TTL)
    await ask(desk, wanted())


async def test_the_limit_is_exact_however_many_ask_at_once(office: Office) -> None:
    desk = office.desk(limits=Limits(max_pending=3))
    asks = [ask(desk, wanted(profile=f"prod-{n}")) for n in range(12)]
    done = await asyncio.gather(*asks, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in done) == 3
    assert all(isinstance(each, RequestRefused) for each in done if isinstance(each, BaseException))


async def test_a_counting_row_that_means_nothing_is_begun_anew(office: Office) -> None:
    ref = Ref(ledger=Ledger.REQUESTS, key=f"pending#{ALICE.person}")
    spoiled = Change(ref=ref, seen=None, set={"kind": "pending", "requests": '[1, "x", {}]'})
    assert await office.records.commit([spoiled])
    await office.asked()


async def test_the_counting_row_outlives_what_it_counts_and_little_more(office: Office) -> None:
    request = await office.asked()
    ref = Ref(ledger=Ledger.REQUESTS, key=f"pending#{ALICE.person}")
    forgotten = int((await office.records.get([ref]))[ref].values[RETENTION])
    assert request.expires_at.timestamp() < forgotten < (NOON + timedelta(days=30)).timestamp()


async def test_requests_of_others_that_somebody_put_into_the_counting_row_count_for_nothing(
    office: Office,
) -> None:
    others = [await office.asked(BOB, profile=f"prod-{number}") for number in range(5)]
    listed = json.dumps([each.id for each in others])
    ref = Ref(ledger=Ledger.REQUESTS, key=f"pending#{ALICE.person}")
    await office.records.commit([Change(ref=ref, seen=None, set={"kind": "pending", "requests": listed})])
    await office.asked(profile="prod-0")


async def test_what_a_rule_approves_by_itself_is_approved_at_once_and_says_so(office: Office) -> None:
    office.policy = policy_with(auto_approve=AutoApproval(users=("alice",)))
    done = await ask(office.desk(), wanted())
    assert done.request.status(NOON) is Status.APPROVED
    assert (done.request.auto_rule, done.request.ends_at) == ("production", NOON + HOUR)
    assert [each.type for each in done.deeds] == [EventType.REQUEST_CREATED, EventType.REQUEST_GRANTED]
    granted = audit_line(done.deeds[1])
    assert (granted.auto_approved, granted.rule, granted.by) == (True, "production", SYSTEM)
    other = await office.asked(BOB)
    assert other.auto_rule == ""


async def test_a_store_that_does_not_say_whether_it_was_made_is_asked_by_id(office: Office) -> None:
    class Silent:
        async def commit(self, changes: object) -> bool:
            raise StoreUnavailable("no answer")

        def __getattr__(self, name: str) -> object:
            return getattr(office.records, name)

    desk = replace(office.desk(), records=Silent())  # type: ignore[arg-type]  # why: the rest is the real one
    with pytest.raises(StoreUnavailable) as caught:
        await ask(desk, wanted())
    assert "sentinel check 0000000000000001" in caught.value.hint


async def test_an_extension_is_a_request_of_its_own_that_takes_its_own_approval(office: Office) -> None:
    first = await office.approved()
    office.clock.pass_(HOUR / 2)
    done = await extend(office.desk(), first.id, wanted(profile="ignored", duration=HOUR / 4))
    assert (done.request.extends, done.request.profile) == (first.id, "prod")
    assert done.request.status(office.clock.now()) is Status.PENDING
    with pytest.raises(RequestRefused, match="your own"):
        await approve(office.desk(), done.request.id, ALICE)
    again = (await approve(office.desk(), done.request.id, CAROL)).request
    assert again.ends_at == NOON + HOUR * 3 / 4
    assert (await read_one(office.records, first.id)).ends_at == NOON + HOUR, "the first ends when it did"


async def test_only_an_own_access_that_is_not_over_can_be_extended(office: Office) -> None:
    waiting = await office.asked(profile="prod-2")
    with pytest.raises(RequestOver, match="is pending"):
        await extend(office.desk(), waiting.id, wanted())
    first = await office.approved()
    with pytest.raises(RequestRefused, match="only they"):
        await extend(office.desk(), first.id, wanted(user("erin")))
    office.clock.pass_(HOUR)
    with pytest.raises(RequestOver, match="is over") as caught:
        await extend(office.desk(), first.id, wanted())
    assert "sentinel request --profile prod" in caught.value.hint
