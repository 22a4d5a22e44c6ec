"""Deciding: who may, what becomes of it, and what whoever comes second is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.errors import AlreadyExists, NotFound, RequestOver, RequestRefused, SentinelError
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.keys import KeySet
from sentinel_server.records.model import Change
from sentinel_server.requests.asking import ask
from sentinel_server.requests.deciding import approve, cancel, could_approve, deny, revoke, standing
from sentinel_server.requests.deeds import Done, audit_line
from sentinel_server.requests.desk import Desk, Rulebook, read_one
from sentinel_server.requests.model import REQUEST_TTL, Status
from sentinel_server.requests.rows import request_ref, votes_value
from sentinel_server.requests.signing import SignedVotes
from tests.fakes.request_desk import Office, wanted
from tests.fakes.requests import (
    ALICE,
    BOB,
    CAROL,
    NOBODY_JOINED,
    NOON,
    POLICY,
    policy_with,
    sso,
    user,
    vote_of,
)
from tests.fakes.signers import key_pair

HOUR = timedelta(hours=1)
Act = Callable[[Desk, str, Principal], Awaitable[Done]]


@pytest.fixture
def office() -> Office:
    return Office()


async def test_one_approval_is_enough_unless_the_rule_wants_more(office: Office) -> None:
    request = await office.asked()
    office.clock.pass_(timedelta(minutes=5))
    done = await approve(office.desk(), request.id, BOB, "looks right")
    assert done.request.approved_at == NOON + timedelta(minutes=5)
    assert done.request == await read_one(office.records, request.id)
    assert [audit_line(deed).action.value for deed in done.deeds] == ["request_approved", "request_granted"]
    line = audit_line(done.deeds[0])
    assert (line.approver, line.requester, line.principal) == (BOB.person, ALICE.person, BOB.arn)
    assert (line.comment, line.status) == ("looks right", "approved")
    assert await office.told() == ["request.created", "request.approved", "request.granted"]


async def test_with_a_quorum_of_two_the_second_person_decides_and_nobody_counts_twice(office: Office) -> None:
    office.policy = policy_with(approvals_required=2)
    request = await office.asked()
    first = await approve(office.desk(), request.id, BOB)
    assert first.request.status(NOON) is Status.PENDING
    assert await office.told() == ["request.created", "request.approved"]
    with pytest.raises(AlreadyExists, match="already; it waits for others"):
        await approve(office.desk(), request.id, BOB)
    second = await approve(office.desk(), request.id, CAROL)
    assert second.request.status(NOON) is Status.APPROVED
    assert [vote.person for vote in second.request.votes] == [BOB.person, CAROL.person]


@pytest.mark.parametrize("act", [approve, deny])
async def test_weakness_3_and_27_only_a_listed_approver_decides_and_never_the_requester(
    office: Office, act: Act
) -> None:
    request = await office.asked()
    with pytest.raises(RequestRefused, match="is your own"):
        await act(office.desk(), request.id, ALICE)
    for stranger in (user("erin"), user("bob", "999988887777"), sso("zed")):
        with pytest.raises(RequestRefused, match="does not list"):
            await act(office.desk(), request.id, stranger)
    office.policy = replace(POLICY, rules=())
    with pytest.raises(RequestRefused, match="nobody may approve"):
        await act(office.desk(), request.id, BOB)
    assert (await read_one(office.records, request.id)).version == 1


@pytest.mark.parametrize("act", [approve, deny])
async def test_acceptance_2_an_alias_of_the_requester_is_the_requester(office: Office, act: Act) -> None:
    office.policy = policy_with(approvers=("alice", "a.lice", "bob"), requesters=())
    joined = office.desk(persons=Persons({"ann": [ALICE.person, BOB.person]}))
    request = (await ask(joined, wanted())).request
    for desk, alias in ((joined, BOB), (office.desk(), ALICE)):
        with pytest.raises(RequestRefused, match="is your own"):
            await act(desk, request.id, alias)
    other = await office.asked(profile="prod-2", asker=sso("alice", "ReadOnly"))
    with pytest.raises(RequestRefused, match="is your own"):
        await act(office.desk(), other.id, sso("alice", "Admin"))
    different = user("a.lice")
    assert (await act(office.desk(), other.id, different)).request.id == other.id


async def test_a_denied_request_says_who_denied_it_and_why(office: Office) -> None:
    request = await office.asked()
    done = await deny(office.desk(), request.id, BOB, "not this week")
    assert done.request == await read_one(office.records, request.id)
    with pytest.raises(RequestOver, match=f"was denied at .* by {BOB.person}: not this week"):
        await approve(office.desk(), request.id, CAROL)


async def test_weakness_21_denying_what_is_approved_points_to_the_way_to_revoke_it(office: Office) -> None:
    request = await office.approved()
    with pytest.raises(RequestOver) as caught:
        await deny(office.desk(), request.id, CAROL)
    assert caught.value.hint == f"take it back: sentinel revoke-approval {request.id}"
    done = await revoke(office.desk(), request.id, CAROL, "wrong account")
    assert done.request.status(NOON) is Status.REVOKED
    assert await read_one(office.records, request.id) == done.request


async def test_revoking_needs_no_policy_because_it_only_takes_away(office: Office) -> None:
    request = await office.approved()
    office.fails = RuntimeError("the policy must not be read")
    await revoke(office.desk(), request.id, user("security"))


async def test_what_is_pending_is_denied_and_not_revoked(office: Office) -> None:
    request = await office.asked()
    with pytest.raises(RequestOver) as caught:
        await revoke(office.desk(), request.id, CAROL)
    assert "sentinel deny" in caught.value.hint


async def test_the_requester_takes_back_what_waits_and_gives_back_what_was_approved(office: Office) -> None:
    waiting, given = await office.asked(profile="prod-2"), await office.approved()
    with pytest.raises(RequestOver, match="is approved since") as caught:
        await cancel(office.desk(), given.id, ALICE)
    assert caught.value.hint == f"give it back: sentinel cancel --give-back {given.id}"
    with pytest.raises(RequestOver, match="not approved yet"):
        await cancel(office.desk(), waiting.id, ALICE, give_back=True)
    for request in (waiting, given):
        with pytest.raises(RequestRefused, match="only they can cancel"):
            await cancel(office.desk(), request.id, BOB)
        done = await cancel(office.desk(), request.id, ALICE, give_back=request is given)
        assert done.request.status(NOON) is Status.CANCELLED
    assert (await office.told())[-1] == "request.cancelled"


async def test_the_requester_may_come_as_another_principal_of_theirs(office: Office) -> None:
    request = await office.asked()
    await cancel(office.desk(), request.id, user("operator"), also=(ALICE,))


@pytest.mark.parametrize("act", [approve, deny, cancel, revoke])
async def test_weakness_20_nobody_changes_a_request_that_has_expired(office: Office, act: Act) -> None:
    request = await office.asked()
    office.clock.pass_(REQUEST_TTL)
    who = ALICE if act is cancel else BOB
    with pytest.raises(RequestOver, match="expired at"):
        await act(office.desk(), request.id, who)


async def test_an_access_that_is_over_is_not_taken_back(office: Office) -> None:
    request = await office.approved()
    office.clock.pass_(HOUR)
    with pytest.raises(RequestOver, match="gave access until"):
        await cancel(office.desk(), request.id, ALICE)


async def test_a_request_that_is_not_there_is_said_to_be_so(office: Office) -> None:
    with pytest.raises(NotFound, match="0123456789abcdef"):
        await approve(office.desk(), "0123456789abcdef", BOB)


async def test_weakness_22_whoever_loses_a_race_reads_again_and_is_told_what_won(office: Office) -> None:
    request = await office.asked()
    acts = (approve(office.desk(), request.id, BOB), cancel(office.desk(), request.id, ALICE))
    outcomes = await asyncio.gather(*acts, return_exceptions=True)
    (error,) = (each for each in outcomes if isinstance(each, BaseException))
    (won,) = (each for each in outcomes if isinstance(each, Done))
    assert isinstance(error, RequestOver)
    assert won.request.status(NOON).value in str(error)
    assert await read_one(office.records, request.id) == won.request


async def test_weakness_22_votes_cast_at_once_are_all_counted(office: Office) -> None:
    office.policy = policy_with(approvals_required=3)
    request = await office.asked()
    await asyncio.gather(*(approve(office.desk(), request.id, who) for who in (BOB, CAROL, user("dave"))))
    final = await read_one(office.records, request.id)
    assert len(final.votes) == 3
    assert final.status(NOON) is Status.APPROVED


BOBS = key_pair("bobs")
KEYS = KeySet(keys=(replace(BOBS.public, owner=BOB.person),))
SIGNED = SignedVotes(lambda: KEYS, NOBODY_JOINED, required=True)


async def test_an_approver_with_a_key_of_theirs_signs_and_others_are_refused_before_anything_is_written(
    office: Office,
) -> None:
    request = await office.asked()
    with pytest.raises(SentinelError, match="would not count: it is not signed"):
        await approve(office.desk(check=SIGNED), request.id, BOB)
    with pytest.raises(SentinelError, match="which is iam:111122223333:bob's"):
        await approve(office.desk(check=SIGNED, signer=BOBS), request.id, CAROL)
    assert (await read_one(office.records, request.id)).votes == ()
    done = await approve(office.desk(check=SIGNED, signer=BOBS), request.id, BOB)
    assert done.request.status(NOON) is Status.APPROVED


async def test_weakness_4_votes_that_somebody_wrote_into_the_row_are_no_approval_and_in_nobodys_way(
    office: Office,
) -> None:
    office.policy = policy_with(approvals_required=2)
    request = await office.asked()
    forged = votes_value((vote_of(BOB, request, NOON), vote_of(CAROL, request, NOON)))
    assert await office.records.commit([Change(ref=request_ref(request.id), seen=1, set={"votes": forged})])
    done = await approve(office.desk(check=SIGNED, signer=BOBS), request.id, BOB)
    assert done.request.status(NOON) is Status.PENDING
    counted = standing(office.desk(check=SIGNED), Rulebook(policy=office.policy), done.request, NOON)
    assert counted is not None
    assert ([vote.person for vote in counted.tally.counted], counted.required) == ([BOB.person], 2)


async def test_what_waits_for_somebody_is_what_they_could_approve_and_have_not(office: Office) -> None:
    office.policy = policy_with(approvals_required=2)
    request = (await approve(office.desk(), (await office.asked()).id, BOB)).request
    rules, desk = Rulebook(policy=office.policy), office.desk()
    waiting = [
        who.name
        for who in (ALICE, BOB, CAROL, user("dave"), user("zed"))
        if could_approve(desk, rules, request, who, NOON)
    ]
    assert waiting == ["carol", "dave"]
    assert not could_approve(desk, Rulebook(policy=None), request, CAROL, NOON)
    assert not could_approve(desk, rules, request, CAROL, NOON + REQUEST_TTL)
    assert standing(desk, Rulebook(policy=None), request, NOON) is None
