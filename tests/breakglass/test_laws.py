"""What holds of emergencies whatever the policy, the person and the row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.breakglass.limits import Clear, Limited, Opening, Past, judge
from sentinel_server.breakglass.model import Closing, Emergency, EventState, sealed
from sentinel_server.breakglass.rules import (
    Forbidden,
    InForce,
    Permitted,
    Wanted,
    in_force,
    is_invoker,
    may_open,
    may_oversee,
    names,
)
from sentinel_server.breakglass.tally import keys
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.breakglass import (
    LONGEST_EMERGENCY,
    BreakGlassPolicy,
    BreakGlassRule,
    MfaMethod,
    MfaRequirement,
    ReasonCode,
)
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule
from tests.fakes.clock import NOON
from tests.fakes.emergencies import HOME, HOUR, an_event, evidence, iam_user, sso_user
from tests.strategies import PROFILES, USERS, durations, instants, name_patterns, windows

MINUTE = timedelta(minutes=1)
COUNTS = st.none() | st.integers(1, 4)

people = st.sampled_from(
    [iam_user("alice"), sso_user("alice"), iam_user("bob"), iam_user("alice", "012345678901")]
)
text = st.text("a#%", min_size=1, max_size=4)
places = st.tuples(text, text, st.booleans())
codes = st.sampled_from(ReasonCode)
lengths = durations(MINUTE, timedelta(hours=5))
second_factors = st.none() | st.lists(st.sampled_from(MfaMethod), unique=True).map(
    lambda methods: MfaRequirement(methods=tuple(methods))
)


def rules() -> st.SearchStrategy[BreakGlassRule]:
    """Rules of every sort."""
    return st.builds(
        BreakGlassRule,
        name=st.sampled_from(["one", "two"]),
        users=st.lists(name_patterns(USERS), min_size=1, max_size=3).map(tuple),
        profiles=st.lists(name_patterns(PROFILES), max_size=2).map(tuple),
        allowed_reason_codes=st.lists(codes, unique=True, max_size=2).map(tuple),
        time=st.none() | windows(),
        max_duration=st.none() | durations(MINUTE, LONGEST_EMERGENCY),
        mfa=second_factors,
        reviewers=st.lists(name_patterns(USERS), max_size=2).map(tuple),
    )


def policies() -> st.SearchStrategy[BreakGlassPolicy]:
    """Policies of up to three rules."""
    listed = st.lists(rules(), min_size=1, max_size=3).map(tuple)
    return listed.map(lambda found: BreakGlassPolicy(rules=found))


def calls() -> st.SearchStrategy[Wanted]:
    """What somebody may want."""
    return st.builds(
        Wanted,
        principal=people,
        profile=st.sampled_from(PROFILES),
        reason_code=codes,
        duration=lengths,
        home_account=st.just(HOME),
    )


def opened_by(call: Wanted, **changes: Any) -> Emergency:
    """The emergency that the call would make."""
    event = an_event(
        person=call.principal.person,
        user=call.principal.name,
        principal_arn=call.principal.arn,
        profile=call.profile,
        reason_code=call.reason_code,
        duration=call.duration,
    )
    return sealed(replace(event, **changes))


def lifts(event: Emergency, policy: BreakGlassPolicy, who: Principal, now: datetime = NOON) -> bool:
    """Whether it gives this principal access to its profile."""
    found = in_force(
        event,
        policy,
        person=who.person,
        principal=who,
        profile=event.profile,
        now=now,
        home_account=HOME,
    )
    return isinstance(found, InForce)


@given(policies(), calls())
def test_what_may_be_opened_is_in_force_once_it_is_and_nothing_else_is(
    policy: BreakGlassPolicy, call: Wanted
) -> None:
    verdict = may_open(policy, call, NOON)
    shown = opened_by(call, mfa=evidence("totp")), opened_by(call, mfa=evidence("sms"))
    lifted = any(lifts(event, policy, call.principal) for event in shown)
    assert lifted is isinstance(verdict, Permitted)
    if isinstance(verdict, Permitted) and verdict.mfa is not None:
        assert not lifts(opened_by(call), policy, call.principal)


@given(policies(), calls(), people)
def test_an_emergency_gives_nothing_to_anybody_else(
    policy: BreakGlassPolicy, call: Wanted, other: Principal
) -> None:
    event = opened_by(call, mfa=evidence())
    if other.person != call.principal.person:
        assert not lifts(event, policy, other)


@given(policies(), calls(), instants())
def test_what_is_over_or_a_drill_never_gives_anything(
    policy: BreakGlassPolicy, call: Wanted, now: datetime
) -> None:
    closing = Closing(at=NOON, by="anybody", reason="over")
    for event in (opened_by(call, drill=True), opened_by(call, closing=closing)):
        assert not lifts(sealed(replace(event, mfa=evidence())), policy, call.principal, now)


@given(policies(), calls(), rules())
def test_a_rule_further_down_changes_nothing_for_profiles_of_those_above(
    policy: BreakGlassPolicy, call: Wanted, more: BreakGlassRule
) -> None:
    before = may_open(policy, call, NOON)
    after = may_open(replace(policy, rules=(*policy.rules, more)), call, NOON)
    if isinstance(before, Permitted):
        assert after == before
    elif "no break-glass rule is for" not in before.error.message:
        assert isinstance(after, Forbidden)


@given(policies(), calls())
def test_nobody_opens_what_the_policy_does_not_name_them_for(policy: BreakGlassPolicy, call: Wanted) -> None:
    if isinstance(may_open(policy, call, NOON), Permitted):
        everywhere = replace(
            policy, rules=tuple(replace(rule, profiles=rule.profiles or ("*",)) for rule in policy.rules)
        )
        assert names(everywhere, call.principal, call.profile, HOME)
        assert call.duration <= LONGEST_EMERGENCY


@given(policies(), people, st.sampled_from(PROFILES))
def test_whoever_opened_one_is_its_invoker_and_never_its_reviewer(
    policy: BreakGlassPolicy, who: Principal, profile: str
) -> None:
    event = an_event(person=who.person, principal_arn=who.arn, profile=profile)
    assert is_invoker(event, who, Persons())
    assert isinstance(may_oversee(policy, who, profile, HOME), bool)


@given(
    most=COUNTS,
    most_here=COUNTS,
    cooldown=st.none() | durations(MINUTE, HOUR),
    ages=st.lists(durations(timedelta(0), HOUR * 5), max_size=6),
)
def test_a_limit_never_forbids_for_ever_and_waiting_never_makes_it_worse(
    most: int | None, most_here: int | None, cooldown: timedelta | None, ages: list[timedelta]
) -> None:
    rule = RateLimitRule(
        name="r", cooldown=cooldown, max_per_user=most, max_per_profile=most_here, quota_window=HOUR * 3
    )
    openings = tuple(Opening(at=NOON - age, name="prod") for age in ages)
    past = Past(
        opened_at=max((each.at for each in openings), default=None), of_person=openings, of_profile=openings
    )
    policy = RateLimitPolicy(rules=(rule,))
    verdicts = [judge(past, policy, "prod", NOON + HOUR * hours / 2) for hours in range(8)]
    clear = [isinstance(verdict, Clear) for verdict in verdicts]
    assert clear == sorted(clear)
    assert clear[-1]


@given(durations(MINUTE, HOUR * 4), instants())
def test_exactly_one_state_holds_at_any_time_and_expired_only_after_the_end(
    duration: timedelta, now: datetime
) -> None:
    event = an_event(duration=duration)
    state = event.state(now)
    assert (state is EventState.EXPIRED) is (now >= event.ends_at)
    assert event.unfinished(now) is (state is not EventState.ACTIVE)
    open_one = judge(Past(latest=(event,)), None, "prod", now)
    assert isinstance(open_one, Limited) is (state is EventState.ACTIVE)


@given(places, places)
def test_no_two_people_and_profiles_share_a_lock_and_drills_share_nothing(
    one: tuple[str, str, bool], other: tuple[str, str, bool]
) -> None:
    first = keys([f"sso:{one[0]}"], one[1], drill=one[2])
    second = keys([f"sso:{other[0]}"], other[1], drill=other[2])
    assert (first.locks == second.locks) is (one == other)
    if one[2] is not other[2]:
        assert not {*first.locks, *first.people, first.profile} & {
            *second.locks,
            *second.people,
            second.profile,
        }
