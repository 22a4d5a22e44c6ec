"""How often the glass may be broken, boundary by boundary."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sentinel_server.breakglass.limits import Clear, Limited, Opening, Past, judge
from sentinel_server.breakglass.model import Closing
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule
from tests.fakes.clock import NOON
from tests.fakes.emergencies import HOUR, an_event, limited

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)


def openings(*ages: timedelta, name: str = "prod") -> tuple[Opening, ...]:
    """Openings so long before noon."""
    return tuple(Opening(at=NOON - age, name=name) for age in ages)


def told(past: Past, policy: RateLimitPolicy | None, now: datetime = NOON) -> str:
    """The message and the next step of a limit; `clear` when there is none."""
    verdict = judge(past, policy, "prod", now)
    return verdict.error.line() if isinstance(verdict, Limited) else "clear"


def test_an_open_emergency_allows_no_second_one_even_where_nothing_is_limited() -> None:
    line = told(Past(latest=(an_event(),)), None)
    assert f"{an_event().id} for prod is open until 2026-01-31T13:00:00Z already" in line
    assert f"sentinel breakglass-close {an_event().id}" in line


@pytest.mark.parametrize(
    "over",
    [an_event(created_at=NOON - HOUR), an_event(closing=Closing(at=NOON, by="bob", reason="done"))],
    ids=["expired", "closed"],
)
def test_weakness_8_one_that_is_over_does_not_stand_in_the_way(over: object) -> None:
    assert judge(Past(latest=(over,)), None, "prod", NOON) == Clear()  # type: ignore[arg-type]


def test_a_cooldown_runs_from_the_last_opening_to_the_instant() -> None:
    policy = limited(cooldown=HOUR)
    assert "wants 1h between two" in told(Past(opened_at=NOON - HOUR + TICK), policy)
    assert "possible again after 2026-01-31T12:30:00Z" in told(Past(opened_at=NOON - HOUR / 2), policy)
    assert told(Past(opened_at=NOON - HOUR), policy) == "clear"
    assert told(Past(), policy) == "clear"


def test_a_quota_of_a_person_counts_what_is_younger_than_the_window() -> None:
    policy = limited(max_per_user=2, quota_window=DAY)
    line = told(Past(of_person=openings(DAY - TICK, HOUR)), policy)
    assert "you opened 2 emergencies in 1d, and rate-limit rule 'limits' allows 2" in line
    assert told(Past(of_person=openings(DAY, HOUR)), policy) == "clear"
    assert told(Past(of_person=openings(HOUR)), policy) == "clear"


def test_a_quota_says_when_the_next_is_possible_also_after_it_was_lowered() -> None:
    policy = limited(max_per_user=1, quota_window=DAY)
    assert "after 2026-02-01T11:00:00Z" in told(Past(of_person=openings(HOUR * 9, HOUR * 5, HOUR)), policy)


def test_a_quota_of_a_profile_counts_everybody() -> None:
    policy = limited(max_per_profile=2, quota_window=DAY)
    past = Past(of_profile=(*openings(HOUR, name="alice"), *openings(HOUR, name="bob")))
    assert "prod had 2 emergencies in 1d" in told(past, policy)
    assert told(Past(of_person=past.of_profile), policy) == "clear"


def test_weakness_11_a_persons_quota_counts_the_profiles_that_the_rule_decides_about() -> None:
    production = RateLimitRule(name="production", profiles=("prod*",), max_per_user=2, quota_window=DAY)
    rest = RateLimitRule(name="rest", max_per_user=1, quota_window=DAY)
    policy = RateLimitPolicy(rules=(production, rest))
    elsewhere = openings(HOUR, HOUR, HOUR, name="staging")
    assert told(Past(of_person=elsewhere), policy) == "clear"
    both = (*openings(HOUR, name="prod-eu"), *openings(HOUR), *elsewhere)
    assert "rule 'production' allows 2" in told(Past(of_person=both), policy)
    assert isinstance(judge(Past(of_person=openings(HOUR)), policy, "staging", NOON), Clear)


def test_weakness_11_escalation_is_counted_without_any_quota_of_a_person() -> None:
    policy = limited(cooldown=TICK, escalation_threshold=2, quota_window=DAY)
    assert judge(Past(), policy, "prod", NOON) == Clear(escalated=False)
    assert judge(Past(of_person=openings(HOUR)), policy, "prod", NOON) == Clear(escalated=True)
    assert judge(Past(of_person=openings(DAY)), policy, "prod", NOON) == Clear(escalated=False)


def test_a_profile_without_a_rule_is_not_limited() -> None:
    policy = RateLimitPolicy(rules=(RateLimitRule(name="other", profiles=("staging",), cooldown=HOUR),))
    assert told(Past(opened_at=NOON, of_person=openings(TICK, TICK)), policy) == "clear"


def test_the_open_one_is_named_before_the_cooldown_and_the_cooldown_before_the_quotas() -> None:
    policy = limited(cooldown=DAY, max_per_user=1, max_per_profile=1, quota_window=DAY)
    used = openings(HOUR)
    past = Past(latest=(an_event(),), opened_at=NOON, of_person=used, of_profile=used)
    assert "open until" in told(past, policy)
    assert "between two" in told(past, policy, NOON + HOUR)
    assert "you opened 1" in told(Past(of_person=used, of_profile=used), policy)
    assert "prod had 1" in told(Past(of_profile=used), policy)
