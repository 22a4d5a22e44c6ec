"""Whatever is tried in whatever order: no code twice, none while locked, none of another's."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sentinel_server.errors import MfaLocked, MfaRefused
from sentinel_server.mfa.attempts import LOCK, MOST, WINDOW
from sentinel_server.mfa.proof import Asked
from tests.fakes.factors import ALICE, BOB, Factors

PEOPLE = st.sampled_from([ALICE, BOB])
LATER = st.integers(-3, 3)


class SecondFactors(RuleBasedStateMachine):
    """Two people, their authenticators, and somebody who types what they like.

    The model remembers which steps were used, and when somebody was wrong since they were last right.
    """

    def __init__(self) -> None:
        super().__init__()
        self.factors = Factors()
        self.used: dict[str, int] = {ALICE: -1, BOB: -1}
        self.wrong: dict[str, list[datetime]] = {ALICE: [], BOB: []}
        self.locked: dict[str, datetime | None] = {ALICE: None, BOB: None}

    @property
    def step(self) -> int:
        return int(self.factors.clock.now().timestamp()) // 30

    def is_locked(self, person: str) -> bool:
        until = self.locked[person]
        return until is not None and self.factors.clock.now() < until

    def give(self, person: str, code: str) -> bool:
        """Whether the code is taken; what is refused is counted as the model says."""
        asked = Asked(person=person, profile="prod")

        async def verify() -> Any:
            return await self.factors.factor().verify(asked, code)

        was_locked = self.is_locked(person)
        try:
            proof = asyncio.run(verify())
        except MfaRefused as error:
            if not was_locked:
                self.note_wrong(person, locked=isinstance(error, MfaLocked))
            return False
        assert not was_locked, "nothing is taken while locked"
        assert proof.person == person
        return True

    def note_wrong(self, person: str, *, locked: bool) -> None:
        now = self.factors.clock.now()
        self.wrong[person].append(now)
        recent = [at for at in self.wrong[person] if now - at < WINDOW]
        assert not locked or len(recent) >= MOST, "nobody is locked out early"
        if locked:
            self.locked[person] = now + LOCK

    @rule(person=PEOPLE, later=LATER)
    def gives_a_code_of_their_own(self, person: str, later: int) -> None:
        step = self.step + later
        taken = self.give(person, self.factors.code(person, later))
        if taken:
            assert abs(later) <= 1, "a code counts only around its own step"
            assert step > self.used[person], "no code is taken twice, and none older than the last"
            self.used[person] = step
            self.wrong[person] = []

    @rule(person=PEOPLE)
    def gives_a_code_of_the_other(self, person: str) -> None:
        other = BOB if person == ALICE else ALICE
        own = {self.factors.code(person, later) for later in (-1, 0, 1)}
        if self.factors.code(other) not in own:
            assert not self.give(person, self.factors.code(other))

    @rule(person=PEOPLE)
    def gives_none(self, person: str) -> None:
        assert not self.give(person, "")

    @rule(seconds=st.integers(1, 600))
    def time_goes_by(self, seconds: int) -> None:
        self.factors.clock.pass_(timedelta(seconds=seconds))

    @precondition(lambda self: not self.is_locked(ALICE) and self.step + 1 > self.used[ALICE])
    @rule()
    def who_is_not_locked_out_gets_in_with_a_fresh_code(self) -> None:
        own = self.factors.code(ALICE, 1)
        near = [self.factors.code(ALICE, later) for later in (-1, 0)]
        if own not in near:
            assert self.give(ALICE, own)
            self.used[ALICE] = self.step + 1
            self.wrong[ALICE] = []

    @invariant()
    def every_wrong_code_was_told(self) -> None:
        told = [failure.asked.person for failure in self.factors.told if failure.reason != "locked"]
        assert len(told) >= sum(map(len, self.wrong.values()))


TestSecondFactors = SecondFactors.TestCase
TestSecondFactors.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
