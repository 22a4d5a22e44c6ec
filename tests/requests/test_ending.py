"""Endings: by whose word, that they land whoever is quicker, and that nobody takes security's back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from sentinel_server.errors import RequestOver, StoreRefused, StoreUnavailable
from sentinel_server.identity.principal import Principal
from sentinel_server.records.model import Change
from sentinel_server.records.store import HURRY
from sentinel_server.requests.deciding import approve, cancel, deny, revoke
from sentinel_server.requests.deeds import Done, audit_line
from sentinel_server.requests.desk import Desk, read_one
from sentinel_server.requests.model import AccessRequest, Status
from sentinel_server.requests.rows import request_ref
from sentinel_server.requests.rules import Granted, granted
from tests.fakes.request_desk import Office
from tests.fakes.requests import ALICE, BOB, CAROL, HOME, NOBODY_JOINED, NOON, POLICY, user
from tests.fakes.rivals import Hurried, Permitting

ZED = user("zed")
HOUR = timedelta(hours=1)
Act = Callable[[Desk, str, Principal], Awaitable[Done]]


@pytest.fixture
def office() -> Office:
    return Office()


def of_an_approver(office: Office) -> Desk:
    """A desk that may write what the permissions of approvers allow."""
    return Office(records=Permitting(office.records, "cut_"), clock=office.clock, ids=office.ids).desk()


async def taken_back(office: Office, request: AccessRequest, *names: str) -> AccessRequest:
    """The request after somebody has removed these attributes of its row."""
    stored = await read_one(office.records, request.id)
    gone = Change(ref=request_ref(request.id), seen=stored.version, set=dict.fromkeys(names))
    assert await office.records.commit([gone])
    return await read_one(office.records, request.id)


def gives_access(request: AccessRequest) -> bool:
    """Whether the gate would let Alice in by it."""
    found = granted(
        request,
        POLICY,
        principal=ALICE,
        profile="prod",
        now=NOON,
        home_account=HOME,
        persons=NOBODY_JOINED,
        check=lambda *_: "",
    )
    return isinstance(found, Granted)


async def test_security_revokes_in_words_of_its_own_and_an_approver_in_theirs(office: Office) -> None:
    request = await office.approved()
    by_security = (await revoke(office.desk(), request.id, ZED, "INC-1")).request
    assert by_security.cut is not None
    assert (by_security.cut.by, by_security.cut.comment, by_security.revoked) == (ZED.person, "INC-1", None)
    assert by_security == await read_one(office.records, request.id)
    assert by_security.status(NOON) is Status.REVOKED

    other = await office.approved(profile="prod-2")
    by_approver = (await revoke(of_an_approver(office), other.id, BOB, "over")).request
    assert by_approver.revoked is not None
    assert (by_approver.revoked.by, by_approver.cut) == (BOB.person, None)
    assert by_approver.revocation == by_approver.revoked
    assert (await office.told()).count("request.revoked") == 2


async def test_what_security_ended_no_approver_begins_again(office: Office) -> None:
    request = await office.approved()
    assert gives_access(request)
    await revoke(of_an_approver(office), request.id, BOB)
    with pytest.raises(RequestOver):
        await revoke(of_an_approver(office), request.id, CAROL)
    await revoke(office.desk(), request.id, ZED)
    left = await taken_back(office, request, "revoked_at", "revoked_by", "status")
    assert left.status(NOON) is Status.REVOKED
    assert not gives_access(left)


async def test_security_ends_what_its_requester_gave_back_and_could_take_again(office: Office) -> None:
    request = await office.approved()
    await cancel(office.desk(), request.id, ALICE, give_back=True)
    done = await revoke(office.desk(), request.id, ZED)
    assert done.request.status(NOON) is Status.CANCELLED, "it stays what it was"
    left = await taken_back(office, request, "cancelled_at", "cancelled_by")
    assert left.status(NOON) is Status.REVOKED
    with pytest.raises(RequestOver, match="was revoked at"):
        await revoke(office.desk(), request.id, ZED)


async def test_what_was_never_approved_is_not_revoked(office: Office) -> None:
    request = await office.asked()
    with pytest.raises(RequestOver, match="not approved yet"):
        await revoke(office.desk(), request.id, ZED)
    await deny(office.desk(), request.id, BOB)
    with pytest.raises(RequestOver, match="was denied"):
        await revoke(office.desk(), request.id, ZED)


@pytest.mark.parametrize("desk", [Office.desk, of_an_approver])
async def test_a_revocation_is_written_though_the_clock_here_says_that_it_is_over(
    office: Office, desk: Callable[[Office], Desk]
) -> None:
    request = await office.approved()
    office.clock.pass_(HOUR + HOUR)
    done = await revoke(desk(office), request.id, BOB)
    assert done.request.status(NOON) is Status.REVOKED
    assert not gives_access(await read_one(office.records, request.id))


async def test_whom_the_store_lets_write_neither_is_told_so(office: Office) -> None:
    request = await office.approved()
    nobody = Office(records=Permitting(office.records, "cut_", "revoked_"), clock=office.clock).desk()
    with pytest.raises(StoreRefused, match="revoked_"):
        await revoke(nobody, request.id, CAROL)
    assert (await read_one(office.records, request.id)).status(NOON) is Status.APPROVED


async def give_back(desk: Desk, request_id: str, who: Principal) -> Done:
    return await cancel(desk, request_id, who, give_back=True)


@pytest.mark.parametrize(("act", "who"), [(deny, BOB), (cancel, ALICE), (revoke, BOB), (give_back, ALICE)])
async def test_who_changes_the_row_all_the_time_holds_no_ending_up(
    office: Office, act: Act, who: Principal
) -> None:
    request = await (office.asked() if act in (deny, cancel) else office.approved())
    hurried = Hurried(office.records)
    done = await act(Office(records=hurried, clock=office.clock, ids=office.ids).desk(), request.id, who)
    assert hurried.lost == HURRY
    stored = await read_one(office.records, request.id)
    assert stored.status(NOON) is done.request.status(NOON)
    assert stored.status(NOON) not in (Status.PENDING, Status.APPROVED)


@pytest.mark.parametrize("spoiled", [{"votes": "?"}, {"created_at": "then"}, {"kind": "x"}])
async def test_a_row_that_somebody_spoiled_is_revoked_for_when_they_mend_it(
    office: Office, spoiled: dict[str, str]
) -> None:
    request = await office.approved()
    good = (await office.records.get([request_ref(request.id)]))[request_ref(request.id)]
    await office.records.commit([Change(ref=good.ref, seen=good.version, set=spoiled)])
    with pytest.raises(StoreUnavailable, match="it is revoked all the same"):
        await revoke(office.desk(), request.id, ZED, "INC-1")
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        await revoke(office.desk(), request.id, ZED, "INC-1")
    mended = {name: good.values[name] for name in spoiled}
    await office.records.commit([Change(ref=good.ref, seen=good.version + 2, set=mended)])
    stored = await read_one(office.records, request.id)
    assert stored.status(NOON) is Status.REVOKED
    assert stored.cut is not None
    assert (stored.cut.by, stored.cut.comment) == (ZED.person, "INC-1")


async def test_what_no_approver_can_read_they_do_not_end(office: Office) -> None:
    request = await office.approved()
    await office.records.commit([Change(ref=request_ref(request.id), seen=2, set={"votes": "?"})])
    with pytest.raises(StoreUnavailable, match="cannot be read as a request: Expecting value"):
        await revoke(of_an_approver(office), request.id, BOB)


async def test_a_vote_does_wait_for_its_turn(office: Office) -> None:
    """Only what takes away may be written over what somebody has not read."""
    request = await office.asked()
    with pytest.raises(StoreUnavailable, match="was changed by others"):
        await approve(Office(records=Hurried(office.records), ids=office.ids).desk(), request.id, BOB)
    assert (await read_one(office.records, request.id)).votes == ()


async def test_who_asked_as_another_principal_of_theirs_is_whom_the_log_names(office: Office) -> None:
    request = await office.asked()
    done = await cancel(office.desk(), request.id, user("operator"), also=(ALICE,))
    line = audit_line(done.deeds[0])
    assert (line.by, line.principal) == (ALICE.person, ALICE.arn)
    assert done.request.cancelled is not None
    assert done.request.cancelled.by == ALICE.person
