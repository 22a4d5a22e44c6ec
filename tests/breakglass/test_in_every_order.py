"""Emergencies in whatever order things happen, held against a model that remembers everything.

What has ended stays as it ended, what was said first never changes, nobody reviews their own, nobody has two
for one profile, and neither cooldown nor quotas are ever exceeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sentinel_server.breakglass.deeds import Done
from sentinel_server.breakglass.ending import close, read_one, review, sweep
from sentinel_server.breakglass.model import INVOKED, Emergency, EventState
from sentinel_server.breakglass.opening import open_glass
from sentinel_server.errors import BreakGlassLimited, BreakGlassRefused, EmergencyOver, SentinelError
from sentinel_server.identity.principal import Principal
from sentinel_server.notifications.outbox import due, read_entry
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Ledger, Value
from tests.fakes.clock import FakeClock
from tests.fakes.emergencies import (
    ALICE,
    BOB,
    a_call,
    a_desk,
    a_policy,
    a_rule,
    an_actor,
    iam_user,
    rulebook,
    wanted,
)

MINUTE = timedelta(minutes=1)
COOLDOWN, WINDOW = MINUTE * 45, MINUTE * 180
PER_USER, PER_PROFILE, THRESHOLD = 3, 4, 2
PEOPLE = (ALICE, BOB, iam_user("carol"))
PROFILES = ("prod", "prod-eu", "staging")
LIMITS = RateLimitPolicy(
    rules=(
        RateLimitRule(
            name="production",
            profiles=("prod*",),
            cooldown=COOLDOWN,
            max_per_user=PER_USER,
            max_per_profile=PER_PROFILE,
            quota_window=WINDOW,
            escalation_threshold=THRESHOLD,
        ),
    )
)
POLICY = a_policy(a_rule(users=("*",), profiles=()))

T = TypeVar("T")
people = st.sampled_from(PEOPLE)
numbers = st.integers(0, 30)


def now(work: Awaitable[T]) -> T:
    """What some work comes to."""

    async def wait() -> T:
        return await work

    return asyncio.run(wait())


class Emergencies(RuleBasedStateMachine):
    """Three people, three profiles, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.records = MemoryRecords()
        self.desk = a_desk(self.records, self.clock)
        self.events: list[Emergency] = []
        self.ended: dict[str, EventState] = {}
        self.said: dict[str, dict[str, Value | None]] = {}
        self.told = 0

    def done(self, done: Done) -> None:
        """Take a change into the model."""
        self.told += len(done.deeds)
        for place, event in enumerate(self.events):
            if event.id == done.event.id:
                self.events[place] = done.event

    def counted(self, since: timedelta, *, drill: bool, **of: str) -> list[Emergency]:
        """Those of a person or a profile that are younger than that."""
        return [
            each
            for each in self.events
            if each.drill is drill
            and self.clock.now() - each.created_at < since
            and all(getattr(each, name) == value for name, value in of.items())
        ]

    def allowed(self, person: str, profile: str, *, drill: bool) -> bool:
        """Whether the model lets somebody open one."""
        own = [
            each
            for each in self.events
            if (each.person, each.profile, each.drill) == (person, profile, drill)
        ]
        if any(each.state(self.clock.now()) is EventState.ACTIVE for each in own):
            return False
        if not profile.startswith("prod"):
            return True
        theirs = self.counted(WINDOW, drill=drill, person=person)
        return (
            not self.counted(COOLDOWN, drill=drill, person=person, profile=profile)
            and len([each for each in theirs if each.profile.startswith("prod")]) < PER_USER
            and len(self.counted(WINDOW, drill=drill, profile=profile)) < PER_PROFILE
        )

    @rule(
        who=people,
        profile=st.sampled_from(PROFILES),
        minutes=st.sampled_from([10, 60, 240]),
        drill=st.booleans(),
        at_once=st.integers(1, 3),
    )
    def opens(self, who: Principal, profile: str, minutes: int, drill: bool, at_once: int) -> None:
        want = wanted(principal=who, profile=profile, duration=MINUTE * minutes)
        call = a_call(wanted=want, person=who.person, drill=drill)
        allowed = self.allowed(who.person, profile, drill=drill)

        async def all_of_them() -> list[Done | BaseException]:
            calls = (open_glass(self.desk, call, rulebook(LIMITS)) for _ in range(at_once))
            return await asyncio.gather(*calls, return_exceptions=True)

        results = now(all_of_them())
        done = [each for each in results if isinstance(each, Done)]
        assert len(done) == int(allowed)
        assert all(isinstance(each, Done | BreakGlassLimited) for each in results)
        for each in done:
            theirs = self.counted(WINDOW, drill=drill, person=who.person)
            prod = [one for one in theirs if one.profile.startswith("prod")]
            escalated = profile.startswith("prod") and len(prod) + 1 >= THRESHOLD
            assert each.event.escalated is escalated
            self.events.append(each.event)
            self.told += len(each.deeds)

    @rule(who=people, number=numbers)
    def closes(self, who: Principal, number: int) -> None:
        if not self.events:
            return
        event = self.events[number % len(self.events)]
        active = event.state(self.clock.now()) is EventState.ACTIVE
        try:
            done = now(close(self.desk, event.id, an_actor(who), "over", POLICY))
        except EmergencyOver:
            assert not active
        else:
            assert active
            self.done(done)

    @rule(who=people, number=numbers, justified=st.booleans())
    def reviews(self, who: Principal, number: int, justified: bool) -> None:
        if not self.events:
            return
        event = self.events[number % len(self.events)]
        work = review(self.desk, event.id, an_actor(who), justified=justified, comment="seen", policy=POLICY)
        try:
            done = now(work)
        except BreakGlassRefused:
            assert event.person == who.person
        except EmergencyOver:
            assert event.review is not None or event.state(self.clock.now()) is EventState.ACTIVE
        else:
            assert event.person != who.person
            assert event.unfinished(self.clock.now())
            self.done(done)

    @rule()
    def is_swept(self) -> None:
        async def all_of_them() -> list[Done | SentinelError]:
            return [each async for each in sweep(self.desk)]

        for each in now(all_of_them()):
            assert isinstance(each, Done)
            assert each.event.state(self.clock.now()) is EventState.EXPIRED
            self.done(each)

    @rule(minutes=st.sampled_from([1, 9, 10, 45, 60, 180]))
    def time_passes(self, minutes: int) -> None:
        self.clock.pass_(MINUTE * minutes)

    @invariant()
    def the_store_says_what_the_model_says(self) -> None:
        for event in self.events:
            stored, row = now(read_one(self.records, event.id))
            assert (stored.closing, stored.review) == (event.closing, event.review)
            said = {name: row.values.get(name) for name in INVOKED}
            assert self.said.setdefault(event.id, said) == said

    @invariant()
    def what_has_ended_stays_as_it_ended(self) -> None:
        at: datetime = self.clock.now()
        for event in self.events:
            stored, _ = now(read_one(self.records, event.id))
            state = stored.state(at)
            if state is not EventState.ACTIVE:
                assert self.ended.setdefault(event.id, state) is state

    @invariant()
    def everything_is_told_once(self) -> None:
        rows = now(self.records.find(due(Ledger.BREAKGLASS), 1000)).rows
        assert len([read_entry(row) for row in rows]) == self.told


Emergencies.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestEmergencies = Emergencies.TestCase
