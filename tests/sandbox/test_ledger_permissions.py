"""The permissions we generate for approvals and emergencies, tried out on what our own commands write.

The rows are in DynamoDB Local, behind a front that judges every part of a transaction as IAM does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.adapters.aws.records import DynamoDbRecords, open_dynamodb_records
from sentinel_server.breakglass.ending import close, review
from sentinel_server.breakglass.model import Emergency
from sentinel_server.breakglass.opening import open_glass
from sentinel_server.breakglass.rows import event_ref
from sentinel_server.clock import SystemIds, sortable
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import SentinelError, StoreUnavailable
from sentinel_server.mfa.attempts import attempts_ref, read_attempts
from sentinel_server.mfa.challenge import creation, new_challenge
from sentinel_server.mfa.proof import Asked
from sentinel_server.notifications.deliver import Outbox
from sentinel_server.notifications.event import EventType
from sentinel_server.notifications.notifier import Destination
from sentinel_server.notifications.outbox import outbox_change, outbox_ref, read_entry
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import Family, ledger_table
from sentinel_server.provisioning.iam import ROLES, Role, policy, table_arn
from sentinel_server.records.model import INDEXED, RETENTION, Change, Ledger, Ref, Row, Search, Value
from sentinel_server.requests.asking import ask
from sentinel_server.requests.deciding import approve, cancel, deny, revoke
from sentinel_server.requests.desk import Desk
from sentinel_server.requests.model import AccessRequest, Status
from sentinel_server.requests.news import request_event
from sentinel_server.requests.rows import read_request, request_ref, request_values, votes_value
from sentinel_server.requests.sweeping import sweep
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.secret import Secret
from tests.fakes import dynamodb_local
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.dynamodb_local import client_at
from tests.fakes.emergencies import a_call, a_desk, a_policy, an_actor, rulebook
from tests.fakes.notices import Inbox
from tests.fakes.request_desk import Office, wanted
from tests.fakes.requests import ALICE, BOB, a_request, vote_of
from tests.fakes.rivals import Hurried

TABLES = {ledger: f"permitted-{ledger.value}" for ledger in Ledger}
LATER = NOON + timedelta(hours=2)
NAMED = a_policy()
"""Names bob, who acts on emergencies here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An account with both tables, and a user of each role."""

    aws: EmbeddedAws
    users: Mapping[Role, UserKeys]

    @asynccontextmanager
    async def as_a(self, role: Role) -> AsyncIterator[DynamoDbRecords]:
        """The ledgers with the credentials of that role."""
        keys = self.users[role]

        async def credentials() -> AwsCredentials:
            return AwsCredentials(
                access_key_id=keys.access_key_id, secret_access_key=Secret(keys.secret_access_key)
            )

        session = AwsSession(
            region="us-east-1", credentials=credentials, endpoints={"dynamodb": self.aws.url}
        )
        records = await open_dynamodb_records(session, TABLES)
        try:
            yield records
        finally:
            await records.close()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with EmbeddedAws(dynamodb_url=dynamodb_local.endpoint()) as aws:
        arns = {
            Family(ledger.value): table_arn(region="us-east-1", account=aws.account_id, table=table)
            for ledger, table in TABLES.items()
        }
        roles = dict.fromkeys(role for family in arns for role in ROLES[family])
        users = {role: aws.add_user(role.value, policy=policy(role, arns)) for role in roles}
        asyncio.run(_tables(aws, make=True))
        yield Place(aws=aws, users=users)
        asyncio.run(_tables(aws, make=False))


async def _tables(aws: EmbeddedAws, *, make: bool) -> None:
    async with client_at(aws.url, aws.root) as client:
        for ledger, table in TABLES.items():
            if make:
                await apply(DynamoDbProvisioner(client, poll=0.02), ledger_table(ledger, table))
                continue
            await client.update_table(TableName=table, DeletionProtectionEnabled=False)
            await client.delete_table(TableName=table)


async def done(place: Place, role: Role, *changes: Change) -> bool:
    """Commit as that role."""
    async with place.as_a(role) as records:
        return await records.commit(changes)


async def refused(place: Place, role: Role, *changes: Change) -> None:
    """IAM does not let that role make these changes."""
    with pytest.raises(StoreUnavailable, match="AccessDenied"):
        await done(place, role, *changes)


def fresh(**changes: Any) -> AccessRequest:
    """A request nobody has made yet, for a profile that no test asks for at a desk."""
    return a_request(**{"id": SystemIds().fresh(), "profile": "stage", **changes})


def set_in(ref: Ref, seen: int | None, **values: Value | None) -> Change:
    """A change of these attributes."""
    return Change(ref=ref, seen=seen, set=values)


def told(request: AccessRequest) -> Change:
    """The row of the outbox beside a change."""
    event = request_event(EventType.REQUEST_CREATED, request, at=NOON, by=request.person)
    return outbox_change(Ledger.REQUESTS, event, SystemIds().fresh())


def asked(request: AccessRequest) -> Change:
    """The change that makes a request."""
    return Change(ref=request_ref(request.id), seen=None, set=request_values(request, NOON))


def counted(seen: int | None = None) -> Change:
    """The change of the row that counts open requests."""
    ref = Ref(ledger=Ledger.REQUESTS, key=f"pending#{ALICE.person}-{SystemIds().fresh()}")
    return set_in(ref, seen, kind="pending", requests="[]")


def approval(request: AccessRequest, seen: int) -> Change:
    """The change by which an approver says yes."""
    votes = votes_value((vote_of(BOB, request, NOON),))
    return set_in(request_ref(request.id), seen, votes=votes, approved_at=sortable(NOON), status="approved")


@asynccontextmanager
async def seated(place: Place, role: Role, at: datetime = NOON) -> AsyncIterator[Desk]:
    """A desk for requests, with the credentials of that role."""
    async with place.as_a(role) as records:
        ids: Any = SystemIds()
        yield Office(records=records, clock=FakeClock(time=at), ids=ids).desk()


async def row_of(place: Place, request_id: str) -> Row:
    """The row of a request, as an auditor sees it."""
    ref = request_ref(request_id)
    async with place.as_a(Role.AUDITOR) as records:
        return (await records.get([ref]))[ref]


async def test_a_request_goes_its_way_with_each_doing_their_part(place: Place) -> None:
    async with seated(place, Role.REQUESTER) as desk:
        request = (await ask(desk, wanted(ticket="OPS-1"))).request
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            await approve(desk, request.id, BOB)
    async with seated(place, Role.APPROVER) as desk:
        assert (await approve(desk, request.id, BOB, "go on")).request.approved_at == NOON
    assert await done(place, Role.REQUESTER, set_in(request_ref(request.id), 2, started_at=sortable(NOON)))
    async with seated(place, Role.SECURITY) as desk:
        await revoke(desk, request.id, BOB, "left the team")
    async with seated(place, Role.SECURITY, LATER) as desk:
        assert not [each async for each in sweep(desk) if isinstance(each, SentinelError)]
    row = await row_of(place, request.id)
    assert RETENTION in row.values
    assert row.values["ticket"] == "OPS-1"


async def test_a_requester_takes_back_and_an_approver_denies_or_revokes(place: Place) -> None:
    for role, decide in ((Role.REQUESTER, cancel), (Role.APPROVER, deny), (Role.APPROVER, revoke)):
        async with seated(place, Role.REQUESTER) as desk:
            request = (await ask(desk, wanted())).request
        if decide is revoke:
            async with seated(place, Role.APPROVER) as desk:
                await approve(desk, request.id, BOB)
        async with seated(place, role) as desk:
            await decide(desk, request.id, ALICE if role is Role.REQUESTER else BOB, "no longer needed")
        row = await row_of(place, request.id)
        assert any(name.endswith("_comment") for name in row.values)


async def test_what_nobody_decides_expires_by_security_alone(place: Place) -> None:
    async with seated(place, Role.REQUESTER) as desk:
        request = (await ask(desk, wanted(BOB))).request
    over = NOON + timedelta(days=2)
    async with seated(place, Role.APPROVER, over) as desk:
        failed = [each async for each in sweep(desk) if isinstance(each, SentinelError)]
        assert any("AccessDenied" in each.message for each in failed)
    async with seated(place, Role.SECURITY, over) as desk:
        assert not [each async for each in sweep(desk) if isinstance(each, SentinelError)]
    assert (await row_of(place, request.id)).values["status"] == "expired"


@pytest.mark.parametrize("name", ["votes", "approved_at", "denied_at", "revoked_at", "cut_at", "ttl"])
async def test_a_requester_cannot_write_what_others_decide_not_even_when_asking(
    place: Place, name: str
) -> None:
    value: Value = 1 if name == "ttl" else "x"
    asking = asked(fresh())
    await refused(place, Role.REQUESTER, replace(asking, set={**asking.set, name: value}))
    request = fresh()
    assert await done(place, Role.REQUESTER, asked(request))
    ref = request_ref(request.id)
    for change in (value, None):
        await refused(place, Role.REQUESTER, set_in(ref, 1, **{name: change}))
        await refused(place, Role.REQUESTER, counted(), set_in(ref, 1, **{name: change}))


@pytest.mark.parametrize("name", ["person", "profile", "duration_seconds", "auto_rule", "created_at", "ttl"])
async def test_an_approver_cannot_write_what_is_asked(place: Place, name: str) -> None:
    request = fresh()
    assert await done(place, Role.REQUESTER, asked(request))
    await refused(place, Role.APPROVER, set_in(request_ref(request.id), 1, **{name: "x"}))
    await refused(place, Role.APPROVER, asked(fresh()))


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.APPROVER, Role.NOTIFIER])
async def test_what_security_ended_nobody_else_takes_back(place: Place, role: Role) -> None:
    request = fresh()
    assert await done(place, Role.REQUESTER, asked(request))
    assert await done(place, Role.APPROVER, approval(request, 1))
    async with seated(place, Role.SECURITY) as desk:
        cut = (await revoke(desk, request.id, BOB, "INC-1")).request.cut
    ref = request_ref(request.id)
    for name in ("cut_at", "cut_by", "cut_comment"):
        await refused(place, role, set_in(ref, 3, **{name: None}))
        await refused(place, role, set_in(ref, 3, **{name: sortable(LATER)}))
    assert read_request(await row_of(place, request.id)).cut == cut


async def test_security_writes_its_own_word_and_no_approvers(place: Place) -> None:
    request = fresh()
    assert await done(place, Role.REQUESTER, asked(request))
    await refused(place, Role.SECURITY, set_in(request_ref(request.id), 1, revoked_at=sortable(NOON)))
    await refused(place, Role.SECURITY, set_in(request_ref(request.id), 1, revoked_at=None))


@pytest.mark.parametrize(
    ("role", "act"),
    [
        (Role.APPROVER, deny),
        (Role.REQUESTER, cancel),
        (Role.APPROVER, revoke),
        (Role.SECURITY, revoke),
    ],
)
async def test_an_ending_that_somebody_tries_to_hold_up_needs_no_more_permissions(
    place: Place, role: Role, act: Any
) -> None:
    request = fresh(profile="prod")
    assert await done(place, Role.REQUESTER, asked(request))
    if act is revoke:
        assert await done(place, Role.APPROVER, approval(request, 1))
    async with seated(place, role) as desk:
        who = ALICE if role is Role.REQUESTER else BOB
        await act(replace(desk, records=Hurried(desk.records)), request.id, who)
    ended = read_request(await row_of(place, request.id)).status(NOON)
    assert ended in (Status.DENIED, Status.CANCELLED, Status.REVOKED)


async def test_a_notifier_delivers_what_is_due_and_sees_and_writes_nothing_else(place: Place) -> None:
    for ledger in Ledger:
        message = told(fresh())
        message = replace(message, ref=Ref(ledger=ledger, key=message.ref.key))
        assert await done(place, Role.REQUESTER if ledger is Ledger.REQUESTS else Role.INVOKER, message)
    inbox, request = Inbox(), fresh()
    assert await done(place, Role.REQUESTER, asked(request))
    async with place.as_a(Role.NOTIFIER) as records:
        box = Outbox(records, [Destination(name="hook", notifier=inbox)], FakeClock(time=NOON), lambda: 0.5)
        deliveries = await box.flush(timedelta(minutes=1), early=True)
        assert {each.ref.ledger for each in deliveries if each.done} == set(Ledger)
        assert await box.waiting() == []
        for search in (
            Search(ledger=Ledger.REQUESTS, by="kind", value="request"),
            Search(ledger=Ledger.BREAKGLASS, by="person", value=ALICE.person),
        ):
            with pytest.raises(StoreUnavailable, match="AccessDenied"):
                await records.find(search, 1)
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            await records.get([request_ref(request.id)])
    await refused(place, Role.NOTIFIER, set_in(request_ref(request.id), 1, status="approved"))
    await refused(place, Role.NOTIFIER, set_in(request_ref(request.id), 1, outbox="due"))
    await refused(place, Role.NOTIFIER, counted())


async def test_security_revokes_and_cannot_approve(place: Place) -> None:
    request = fresh()
    assert await done(place, Role.REQUESTER, asked(request))
    await refused(place, Role.SECURITY, approval(request, 1))
    await refused(place, Role.SECURITY, set_in(request_ref(request.id), 1, profile="admin"))


async def test_the_outbox_is_not_a_way_round(place: Place) -> None:
    """Nobody may write a row of another kind with the attributes of the outbox, or the other way round."""
    request = fresh()
    outbox = outbox_ref(Ledger.REQUESTS, "0123456789abcdef")
    await refused(place, Role.REQUESTER, set_in(request_ref(request.id), None, body="x", type="y"))
    await refused(place, Role.REQUESTER, set_in(outbox, None, votes="x"))
    await refused(place, Role.APPROVER, set_in(outbox, None, approved_at="x"))
    await refused(place, Role.APPROVER, counted())


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.APPROVER, Role.INVOKER, Role.REVIEWER, Role.SECURITY])
async def test_whoever_changes_something_delivers_what_it_tells_others(place: Place, role: Role) -> None:
    ledger = Ledger.BREAKGLASS if role in ROLES[Family.BREAKGLASS] else Ledger.REQUESTS
    request = fresh()
    change = told(request)
    change = replace(change, ref=Ref(ledger=ledger, key=change.ref.key))
    assert await done(place, role, change)
    async with place.as_a(role) as records:
        entry = read_entry((await records.get([change.ref]))[change.ref])
        assert await records.commit([entry.claim(LATER)])
        entry = read_entry((await records.get([change.ref]))[change.ref])
        assert await records.commit([entry.postpone(LATER, "no answer")])
        entry = read_entry((await records.get([change.ref]))[change.ref])
        assert await records.commit([entry.settle(LATER, given_up="nobody took it")])


async def test_an_auditor_writes_nothing_and_finds_everything(place: Place) -> None:
    await refused(place, Role.AUDITOR, asked(fresh()))
    await refused(place, Role.AUDITOR, told(fresh()))
    async with place.as_a(Role.AUDITOR) as records:
        for ledger, names in INDEXED.items():
            for name in names:
                await records.find(Search(ledger=ledger, by=name, value="x"), 1)


@pytest.mark.parametrize(
    ("role", "ledger"), [(Role.REQUESTER, Ledger.REQUESTS), (Role.INVOKER, Ledger.BREAKGLASS)]
)
async def test_whoever_asks_finds_what_persons_have_asked_and_reads_no_other_ledger(
    place: Place, role: Role, ledger: Ledger
) -> None:
    other = next(each for each in Ledger if each is not ledger)
    async with place.as_a(role) as records:
        for name in ("person", "person_profile"):
            await records.find(Search(ledger=ledger, by=name, value=ALICE.person), 1)
        for search in (
            Search(ledger=ledger, by="status", value="pending"),
            Search(ledger=other, by="person", value=ALICE.person),
        ):
            with pytest.raises(StoreUnavailable, match="AccessDenied"):
                await records.find(search, 1)
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            await records.get([Ref(ledger=other, key="x")])


@asynccontextmanager
async def an_emergency(place: Place, profile: str) -> AsyncIterator[Emergency]:
    """One that an invoker has opened."""
    async with place.as_a(Role.INVOKER) as records:
        call = a_call()
        call = replace(call, wanted=replace(call.wanted, profile=profile))
        yield (await open_glass(a_desk(records, FakeClock()), call, rulebook())).event


async def test_an_emergency_goes_its_way_with_each_doing_their_part(place: Place) -> None:
    async with an_emergency(place, "mine") as event:
        pass
    async with place.as_a(Role.INVOKER) as records:
        await close(a_desk(records), event.id, an_actor(a_call().wanted.principal), "it is over", None)
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            await review(a_desk(records), event.id, an_actor(), justified=True, comment="fine", policy=NAMED)
    async with place.as_a(Role.REVIEWER) as records:
        found = await review(
            a_desk(records), event.id, an_actor(), justified=True, comment="fine", policy=NAMED
        )
        assert found.event.review is not None
    for role, word in ((Role.REVIEWER, "closed_at"), (Role.SECURITY, "cut_at")):
        async with an_emergency(place, role.value) as event, place.as_a(role) as records:
            desk = a_desk(Hurried(records))
            await close(desk, event.id, an_actor(), "not an emergency", None)
            ref = event_ref(event.id)
            row = (await records.get([ref]))[ref]
            assert word in row.values
        for other in {Role.INVOKER, Role.REVIEWER} - {role}:
            await refused(place, other, set_in(ref, row.version, **{word: None}))


@pytest.mark.parametrize("name", ["reviewed_at", "reviewed_justified", "closed_at", "cut_at", "ttl"])
async def test_an_invoker_cannot_write_what_reviewers_do(place: Place, name: str) -> None:
    async with an_emergency(place, name) as event:
        ref = Ref(ledger=Ledger.BREAKGLASS, key=event.id)
        await refused(place, Role.INVOKER, set_in(ref, 1, **{name: 1}))
        await refused(place, Role.INVOKER, set_in(ref, 1, status="x", **{name: None}))
        await refused(place, Role.REVIEWER, set_in(ref, 1, justification="x"))
        await refused(place, Role.REVIEWER, set_in(ref, 1, duration_seconds=86400))


async def test_an_invoker_proves_a_second_factor_and_security_may_mend_what_limits_them(place: Place) -> None:
    ref = attempts_ref(f"alice-{SystemIds().fresh()}")
    attempts = read_attempts(ref, None).at(NOON).failed(NOON)
    asked_for = Asked(person=ALICE.person, profile="prod", purpose="breakglass")
    challenge = new_challenge(SystemIds().fresh(), asked_for, Secret("123456"), NOON, "+4*")
    assert await done(place, Role.INVOKER, attempts.change(NOON), creation(challenge))
    answered = replace(challenge, version=1)
    assert await done(place, Role.INVOKER, answered.answer(right=False, now=NOON))
    assert await done(place, Role.INVOKER, replace(challenge, version=2).answer(right=True, now=NOON))
    for role in (Role.REVIEWER, Role.REQUESTER, Role.AUDITOR):
        await refused(place, role, set_in(ref, 1, failures=0))
    assert await done(place, Role.SECURITY, set_in(ref, 1, failures=0, locked_until=None))
    assert await done(place, Role.SECURITY, set_in(ref, 2, ttl=1900000000))
