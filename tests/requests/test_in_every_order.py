"""The whole workflow in every order, beside a model that says in the plainest way what has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sentinel_server.clock import sortable
from sentinel_server.errors import AlreadyExists, RequestOver, RequestRefused, SentinelError
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.schema import Group
from sentinel_server.records.model import Change, Value
from sentinel_server.requests.asking import ask, extend
from sentinel_server.requests.deciding import approve, cancel, deny, revoke
from sentinel_server.requests.deeds import Done
from sentinel_server.requests.desk import Desk, read_one
from sentinel_server.requests.model import REQUEST_TTL, AccessRequest, Status
from sentinel_server.requests.rows import request_ref, votes_value
from sentinel_server.requests.rules import Granted, granted
from sentinel_server.requests.signing import SignedVotes
from sentinel_server.requests.sweeping import sweep
from tests.fakes.request_desk import Office, wanted
from tests.fakes.requests import ALICE, BOB, CAROL, HOME, POLICY, RULE, user, vote_of
from tests.fakes.signers import key_pair

DAVE, ERIN = user("dave"), user("erin")
ALSO_ALICE = user("a-lice")
PEOPLE = (ALICE, ALSO_ALICE, BOB, CAROL, DAVE, ERIN)
PERSONS = Persons({"alice": [ALICE.person, ALSO_ALICE.person]})
KEYS = KeySet(keys=tuple(replace(key_pair(each.name).public, owner=each.person) for each in PEOPLE))
CHECK = SignedVotes(lambda: KEYS, PERSONS, required=True)
TERMINAL = (Status.DENIED, Status.EXPIRED, Status.CANCELLED, Status.REVOKED)
numbers = st.integers(0, 9)
APPROVERS = ("alice", "a-lice", "bob", "carol", "dave")


@dataclass(slots=True)
class Told:
    """What the model knows of one request: who agreed to what, when, and how it ended.

    `first` is the request as it was made, None once somebody has changed in the table what was asked.
    """

    first: AccessRequest | None
    agreed: list[tuple[str, str, datetime]] = field(default_factory=list)
    approved: bool = False
    ended: Status | None = None
    seen: Status | None = None


class Workflow(RuleBasedStateMachine):
    """People ask, decide, tamper and wait; the model is told of what was answered."""

    def __init__(self) -> None:
        super().__init__()
        leads = (Group(name="leads", users=APPROVERS),)
        self.office = Office(policy=replace(POLICY, rules=(RULE,), groups=leads))
        self.told: dict[str, Told] = {}

    @property
    def now(self) -> datetime:
        return self.office.clock.now()

    def desk(self, who: Principal) -> Desk:
        return self.office.desk(signer=key_pair(who.name), check=CHECK, persons=PERSONS)

    def do(self, work: Awaitable[Done]) -> Done | SentinelError:
        """What was done, or the error that somebody read."""

        async def caught() -> Done | SentinelError:
            try:
                return await work
            except SentinelError as error:
                return error

        return asyncio.run(caught())

    def pick(self, number: int) -> AccessRequest:
        """One of the requests, as it now is in the table."""
        ids = list(self.told)
        hypothesis.assume(bool(ids))
        return asyncio.run(read_one(self.office.records, ids[number % len(ids)]))

    @rule(who=st.sampled_from([ALICE, ALSO_ALICE, BOB, ERIN]), hours=st.integers(1, 8))
    def ask(self, who: Principal, hours: int) -> None:
        done = self.do(ask(self.desk(who), wanted(who, duration=timedelta(hours=hours))))
        if isinstance(done, Done):
            self.told[done.request.id] = Told(first=done.request)
        else:
            assert isinstance(done, AlreadyExists | RequestRefused)

    @rule(number=numbers, who=st.sampled_from([ALICE, BOB, ERIN]))
    def extend(self, number: int, who: Principal) -> None:
        old = self.pick(number)
        done = self.do(extend(self.desk(who), old.id, wanted(who, duration=timedelta(minutes=20))))
        if isinstance(done, Done):
            assert done.request.status(self.now) is Status.PENDING, "it needs an approval of its own"
            assert old.person == PERSONS.key(who)
            self.told[done.request.id] = Told(first=done.request)

    @rule(number=numbers, who=st.sampled_from(PEOPLE))
    def approve(self, number: int, who: Principal) -> None:
        before = self.pick(number)
        done = self.do(approve(self.desk(who), before.id, who))
        if isinstance(done, Done):
            assert PERSONS.key(who) != before.person, "nobody approves themselves"
            told = self.told[before.id]
            told.agreed.append((PERSONS.key(who), before.subject_sha256, self.now))
            told.approved = told.approved or done.request.approved_at is not None

    @rule(
        number=numbers,
        who=st.sampled_from(PEOPLE),
        act=st.sampled_from(["deny", "cancel", "give back", "revoke"]),
    )
    def end(self, number: int, who: Principal, act: str) -> None:
        before, desk = self.pick(number), self.desk(who)
        work: dict[str, tuple[Callable[[], Awaitable[Done]], Status]] = {
            "deny": (lambda: deny(desk, before.id, who), Status.DENIED),
            "cancel": (lambda: cancel(desk, before.id, who), Status.CANCELLED),
            "give back": (lambda: cancel(desk, before.id, who, give_back=True), Status.CANCELLED),
            "revoke": (lambda: revoke(desk, before.id, who), Status.REVOKED),
        }
        act_now, becomes = work[act]
        done = self.do(act_now())
        if not isinstance(done, Done):
            assert isinstance(done, RequestOver | RequestRefused)
            return
        was = before.status(self.now)
        if act == "revoke" and was in TERMINAL:
            assert (before.granted_at is not None, before.cut) == (True, None), (
                "others ended what was approved"
            )
            return
        assert was is (Status.APPROVED if act in ("give back", "revoke") else Status.PENDING)
        assert act == "revoke" or (before.person == PERSONS.key(who)) is (act != "deny")
        self.told[before.id].ended = becomes

    @rule(required=st.integers(1, 3), longest=st.sampled_from([None, timedelta(minutes=30)]))
    def change_the_policy(self, required: int, longest: timedelta | None) -> None:
        assert self.office.policy is not None
        changed = replace(RULE, approvals_required=required, max_duration=longest)
        self.office.policy = replace(self.office.policy, rules=(changed,))

    @rule(number=numbers, how=st.sampled_from(["votes", "window", "status", "longer", "person"]))
    def tamper(self, number: int, how: str) -> None:
        """Somebody who can write to the table helps themselves."""
        request = self.pick(number)
        forged = votes_value(tuple(vote_of(who, request, self.now) for who in (BOB, CAROL, DAVE)))
        values: dict[str, dict[str, Value | None]] = {
            "votes": {"votes": forged, "approved_at": sortable(self.now)},
            "window": {"approved_at": sortable(self.now), "started_at": sortable(self.now)},
            "status": {"status": "approved"},
            "longer": {"duration_seconds": 8 * 3600},
            "person": {"person": ERIN.person, "principal_arn": ERIN.arn},
        }
        change = Change(ref=request_ref(request.id), seen=request.version, set=values[how])
        assert asyncio.run(self.office.records.commit([change]))
        if how != "status":
            self.told[request.id].first = None

    @rule(minutes=st.integers(1, 600))
    def wait(self, minutes: int) -> None:
        self.office.clock.pass_(timedelta(minutes=minutes))

    @rule()
    def sweep(self) -> None:
        async def swept() -> None:
            assert all([isinstance(each, Done) async for each in sweep(self.desk(CAROL))])

        asyncio.run(swept())

    @invariant()
    def what_was_asked_never_changes_and_what_has_ended_stays_as_it_ended(self) -> None:
        for number, told in enumerate(self.told.values()):
            request = self.pick(number)
            status = request.status(self.now)
            if told.ended is not None:
                assert status is told.ended
            if told.first is None:
                continue
            assert request.subject == told.first.subject
            if told.seen in TERMINAL:
                assert status is told.seen
            if told.ended is None:
                over = Status.EXPIRED if self.now >= told.first.created_at + REQUEST_TTL else Status.PENDING
                assert status is (Status.APPROVED if told.approved else over)
            told.seen = status

    @invariant()
    def nothing_is_served_but_what_enough_others_agreed_to_and_never_longer(self) -> None:
        policy = self.office.policy
        assert policy is not None
        for number, told in enumerate(self.told.values()):
            request = self.pick(number)
            found = granted(
                request,
                policy,
                principal=parse_principal(request.principal_arn, unique_id="-"),
                profile="prod",
                now=self.now,
                home_account=HOME,
                persons=PERSONS,
                check=CHECK,
            )
            if not isinstance(found, Granted):
                continue
            assert told.ended is None
            to_this = [(who, at) for who, what, at in told.agreed if what == request.subject_sha256]
            assert len({who for who, _ in to_this} - {request.person}) >= policy.rules[0].approvals_required
            longest = policy.rules[0].max_duration or request.duration
            last = max(at for _, at in to_this)
            assert self.now < found.ends_at <= last + min(request.duration, longest)


TestEveryOrder = Workflow.TestCase
TestEveryOrder.settings = hypothesis.settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    # How fast a machine is that does other things too is not what is tested here.
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much],
)
