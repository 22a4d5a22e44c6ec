"""Who may agree, and what an approved request gives: everything looked at anew, nothing believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.approval import ApprovalPolicy, AutoApproval
from sentinel_server.policy.schema import Hours, TimeWindow
from sentinel_server.requests.model import AccessRequest, Ruling, Vote
from sentinel_server.requests.rules import (
    Granted,
    NotGranted,
    VoteCheck,
    granted,
    names,
    no_signature_wanted,
    route,
)
from tests.fakes.requests import (
    ALICE,
    BOB,
    CAROL,
    HOME,
    NOBODY_JOINED,
    NOON,
    POLICY,
    RULE,
    a_request,
    approved,
    policy_with,
    sso,
    user,
    vote_of,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
APPROVED_AT = NOON + MINUTE


def look(
    request: AccessRequest,
    policy: ApprovalPolicy = POLICY,
    *,
    principal: Principal = ALICE,
    profile: str = "prod",
    now: datetime = NOON + 2 * MINUTE,
    persons: Persons = NOBODY_JOINED,
    check: VoteCheck = no_signature_wanted,
) -> Granted | NotGranted:
    return granted(
        request,
        policy,
        principal=principal,
        profile=profile,
        now=now,
        home_account=HOME,
        persons=persons,
        check=check,
    )


def why_not(found: Granted | NotGranted) -> str:
    assert isinstance(found, NotGranted), found
    return found.why


def test_what_another_approved_is_granted_for_as_long_as_was_asked_from_the_approval_on() -> None:
    assert look(approved(a_request(), BOB)) == Granted(ends_at=APPROVED_AT + HOUR, must_start=True)


def test_weakness_17_the_window_starts_at_approval_not_at_creation() -> None:
    late = approved(a_request(), BOB, at=NOON + 10 * HOUR)
    assert look(late, now=NOON + 10 * HOUR + MINUTE) == Granted(ends_at=NOON + 11 * HOUR, must_start=True)
    assert "ended" in why_not(look(late, now=NOON + 11 * HOUR))


def test_weakness_18_the_rules_longest_access_bounds_what_is_asked_even_if_it_came_later() -> None:
    found = look(approved(a_request(), BOB), policy_with(max_duration=10 * MINUTE))
    assert found == Granted(ends_at=APPROVED_AT + 10 * MINUTE, must_start=True)


def test_a_row_that_asks_for_days_gives_eight_hours() -> None:
    found = look(approved(a_request(duration=timedelta(days=9)), BOB))
    assert found == Granted(ends_at=APPROVED_AT + 8 * HOUR, must_start=True)


def test_what_is_only_pending_grants_nothing() -> None:
    assert why_not(look(a_request())) == "it is pending"


@pytest.mark.parametrize("name", ["denied", "cancelled", "revoked"])
def test_an_approved_request_that_was_ended_since_grants_nothing(name: str) -> None:
    ended = approved(a_request(ALICE, **{name: Ruling(at=APPROVED_AT, by="arn:x")}), BOB)
    assert why_not(look(ended)) == f"it is {name}"


def test_weakness_3_nobody_approves_their_own_request_whatever_the_policy_lists() -> None:
    assert "of the requester" in why_not(look(approved(a_request(), ALICE)))


def test_the_requester_under_another_permission_set_is_the_requester() -> None:
    asker, again = sso("alice", "ReadOnly"), sso("alice", "Admin")
    found = look(approved(a_request(asker), again), principal=again)
    assert "of the requester" in why_not(found)


@pytest.mark.parametrize("said", ["person:ann", None])
def test_the_requester_under_another_name_of_theirs_is_the_requester(said: str | None) -> None:
    joined = Persons({"ann": [ALICE.person, BOB.person]})
    request = a_request(person="person:ann")
    vote = vote_of(BOB, request, APPROVED_AT, **({"person": said} if said else {}))
    row = replace(request, votes=(vote,), approved_at=APPROVED_AT)
    assert "of the requester" in why_not(look(row, persons=joined))


def test_a_vote_that_calls_itself_the_requesters_person_is_theirs_whatever_its_arn() -> None:
    request = a_request()
    vote = vote_of(BOB, request, APPROVED_AT, person=ALICE.person)
    assert "of the requester" in why_not(look(replace(request, votes=(vote,), approved_at=APPROVED_AT)))


def test_weakness_5_a_user_of_that_name_in_another_account_is_no_approver() -> None:
    assert "lists" in why_not(look(approved(a_request(), user("bob", "999988887777"))))


def test_weakness_5_a_role_session_named_after_an_approver_is_no_approver() -> None:
    request = a_request()
    vote = vote_of(BOB, request, APPROVED_AT, principal_arn=f"arn:aws:sts::{HOME}:assumed-role/Deploy/bob")
    assert "lists" in why_not(look(replace(request, votes=(vote,), approved_at=APPROVED_AT)))


def test_a_vote_of_nobody_aws_could_name_does_not_count_and_nothing_breaks() -> None:
    request = a_request()
    vote = vote_of(BOB, request, APPROVED_AT, principal_arn="bob")
    assert "nobody AWS could name" in why_not(look(replace(request, votes=(vote,), approved_at=APPROVED_AT)))


def test_an_approver_who_is_no_longer_listed_no_longer_counts() -> None:
    row = approved(a_request(), BOB)
    assert "lists" in why_not(
        look(row, replace(POLICY, groups=(replace(POLICY.groups[0], users=("carol",)),)))
    )


def test_two_are_two_persons() -> None:
    two = policy_with(approvals_required=2)
    assert isinstance(look(approved(a_request(), BOB, CAROL), two), Granted)
    assert "1 of 2" in why_not(look(approved(a_request(), BOB), two))
    assert "not their first" in why_not(look(approved(a_request(), BOB, BOB), two))
    joined = Persons({"bo": [BOB.person, CAROL.person]})
    assert "not their first" in why_not(look(approved(a_request(), BOB, CAROL), two, persons=joined))


def test_raising_the_quorum_takes_back_what_fewer_approved() -> None:
    assert "1 of 3" in why_not(look(approved(a_request(), BOB), policy_with(approvals_required=3)))


@pytest.mark.parametrize(
    "change",
    [
        {"profile": "prod-other"},
        {"duration": 2 * HOUR},
        {"justification": "something else entirely"},
        {"ticket": "OPS-2"},
        {"created_at": NOON + timedelta(seconds=1)},
        {"expires_at": NOON + 2 * HOUR},
        {"extends": "fedcba9876543210"},
        {"user": "root"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_weakness_21_a_vote_is_about_exactly_what_was_asked(change: dict[str, object]) -> None:
    row = replace(approved(a_request(), BOB), **change)  # type: ignore[arg-type]  # why: parametrised
    assert "about another request" in why_not(look(row, profile=row.profile))


def test_it_is_for_its_person_and_profile_only() -> None:
    row = approved(a_request(), CAROL)
    assert why_not(look(row, principal=BOB)) == f"it is of {ALICE.person}"
    assert why_not(look(row, profile="dev")) == "it is for prod"
    other = replace(row, person=BOB.person)
    assert why_not(look(other, principal=BOB)) == f"it is of {BOB.person}"
    assert why_not(look(replace(row, principal_arn="nobody"))) == "it is of nobody AWS could name"


def test_whoever_signs_in_with_another_permission_set_is_the_same_person() -> None:
    policy = policy_with(requesters=())
    asker, now = sso("alice", "ReadOnly"), sso("alice", "Admin")
    assert isinstance(look(approved(a_request(asker), BOB), policy, principal=now), Granted)


def test_weakness_27_no_rule_means_that_nobody_may_approve() -> None:
    row = approved(a_request(profile="dev"), BOB)
    assert "nobody may approve" in why_not(look(row, profile="dev"))
    assert "nobody may approve" in why_not(look(approved(a_request(user("zed")), BOB), principal=user("zed")))


def test_the_first_rule_that_fits_is_in_charge_even_if_a_later_one_is_kinder() -> None:
    strict = replace(RULE, name="strict", profiles=("prod",), approvals_required=2)
    policy = replace(POLICY, rules=(strict, RULE))
    assert "1 of 2" in why_not(look(approved(a_request(), BOB), policy))


def test_weakness_20_a_vote_after_the_deadline_or_before_the_asking_does_not_count() -> None:
    late = a_request(expires_at=NOON + HOUR)
    for at in (NOON + HOUR, NOON - MINUTE):
        row = replace(approved(late, BOB, at=at), approved_at=NOON + HOUR)
        assert "open" in why_not(look(row, now=NOON + HOUR + MINUTE))


def test_an_approval_from_the_future_grants_nothing_yet() -> None:
    row = approved(a_request(), BOB, at=NOON + HOUR)
    assert "future" in why_not(look(row))
    assert isinstance(look(row, now=NOON + HOUR - timedelta(seconds=9)), Granted), "clocks are seconds apart"


def test_the_window_cannot_be_renewed_by_a_later_approved_at() -> None:
    row = replace(approved(a_request(), BOB), approved_at=NOON + 5 * HOUR)
    assert "ended" in why_not(look(row, now=NOON + 5 * HOUR))


def test_an_approval_before_the_vote_that_decided_grants_nothing() -> None:
    row = replace(approved(a_request(), BOB), approved_at=NOON)
    assert "later than the approval" in why_not(look(row))


def test_a_signature_that_does_not_hold_keeps_its_vote_from_counting() -> None:
    def carols_only(request: AccessRequest, vote: Vote, now: datetime) -> str:
        return "" if vote.person == CAROL.person else "is not signed"

    assert "is not signed" in why_not(look(approved(a_request(), BOB), check=carols_only))
    assert isinstance(look(approved(a_request(), BOB, CAROL), check=carols_only), Granted)


def test_weakness_17_an_approval_waits_no_longer_than_start_within_for_its_first_use() -> None:
    policy = policy_with(start_within=10 * MINUTE)
    row = approved(a_request(), BOB)
    assert look(row, policy, now=APPROVED_AT + 10 * MINUTE) == Granted(
        ends_at=APPROVED_AT + HOUR, must_start=True
    )
    assert "not begun by" in why_not(look(row, policy, now=APPROVED_AT + 11 * MINUTE))
    begun = replace(row, started_at=APPROVED_AT + 9 * MINUTE)
    assert look(begun, policy, now=APPROVED_AT + 50 * MINUTE) == Granted(
        ends_at=APPROVED_AT + HOUR, must_start=False
    )


@pytest.mark.parametrize("started_at", [NOON - HOUR, NOON + 30 * MINUTE], ids=["before", "to come"])
def test_a_first_use_outside_of_the_window_is_not_believed(started_at: datetime) -> None:
    row = replace(approved(a_request(), BOB), started_at=started_at)
    assert "first use" in why_not(look(row))


NIGHTLY = AutoApproval(users=("alice",), time=TimeWindow(hours=Hours(start=600, end=780)), max_duration=HOUR)


def test_what_needs_nobody_is_granted_from_its_creation_on() -> None:
    row = a_request(auto_rule="production")
    assert look(row, policy_with(auto_approve=NIGHTLY)) == Granted(ends_at=NOON + HOUR, must_start=True)


@pytest.mark.parametrize(
    ("changes", "auto"),
    [
        ({"auto_rule": "another"}, NIGHTLY),
        ({}, None),
        ({}, replace(NIGHTLY, users=("bob",))),
        ({}, replace(NIGHTLY, users=())),
        ({"duration": 2 * HOUR}, NIGHTLY),
        ({}, replace(NIGHTLY, time=TimeWindow(hours=Hours(start=0, end=60)))),
        ({}, replace(NIGHTLY, time=TimeWindow(timezone="Nowhere/At_All", hours=Hours(start=0, end=1440)))),
    ],
)
def test_weakness_27_nobody_approves_themselves_but_whom_the_rule_names_and_as_it_says(
    changes: dict[str, object], auto: AutoApproval | None
) -> None:
    row = a_request(ALICE, **{"auto_rule": "production", **changes})
    assert "by itself" in why_not(look(row, policy_with(auto_approve=auto)))


def test_only_a_rule_that_says_whom_and_what_names_them() -> None:
    assert names(POLICY, ALICE, "prod", HOME)
    assert not names(POLICY, ALICE, "dev", HOME)
    assert not names(POLICY, user("zed"), "prod", HOME)
    assert not names(policy_with(profiles=()), ALICE, "prod", HOME)
    assert not names(policy_with(requesters=()), ALICE, "prod", HOME)


def test_a_rule_for_any_requester_and_profile_is_in_charge_of_everyone() -> None:
    anyone = policy_with(profiles=(), requesters=())
    assert route(anyone, user("zed"), "dev", HOME) == anyone.rules[0]


@given(
    voters=st.lists(st.sampled_from([ALICE, BOB, CAROL, user("dave"), user("zed")]), max_size=5),
    required=st.integers(1, 4),
    minutes=st.integers(-5, 200),
    shift=st.integers(-120, 120),
)
def test_what_is_granted_was_agreed_by_enough_others_and_ends_in_time(
    voters: list[Principal], required: int, minutes: int, shift: int
) -> None:
    request, now = approved(a_request(), *voters), NOON + minutes * MINUTE
    tampered = replace(request, approved_at=APPROVED_AT + shift * MINUTE)
    found = look(tampered, policy_with(approvals_required=required), now=now)
    if isinstance(found, Granted):
        assert len({v.person for v in voters} & {BOB.person, CAROL.person, user("dave").person}) >= required
        assert now < found.ends_at <= APPROVED_AT + HOUR


def test_a_late_vote_does_not_begin_the_window_of_enough_earlier_ones_anew() -> None:
    request = a_request()
    votes = tuple(
        vote_of(voter, request, NOON + minutes * MINUTE)
        for voter, minutes in ((BOB, 1), (CAROL, 2), (user("dave"), 300))
    )
    renewed = replace(request, votes=votes, approved_at=NOON + 300 * MINUTE)
    two = policy_with(approvals_required=2)
    assert "it ended at" in why_not(look(renewed, two, now=NOON + 301 * MINUTE))


def test_a_row_cannot_give_its_approvers_more_time_than_everybody_has() -> None:
    asked = a_request(expires_at=NOON + timedelta(days=4000))
    late = approved(asked, BOB, at=NOON + timedelta(days=2))
    assert "was not made while the request was open" in why_not(look(late, now=NOON + timedelta(days=2)))


def test_auto_approval_within_hours_ends_with_them_whenever_the_row_says_it_was_made() -> None:
    hours = TimeWindow(hours=Hours(start=9 * 60, end=13 * 60))
    policy = policy_with(auto_approve=AutoApproval(users=("alice",), time=hours))
    asked = a_request(auto_rule="production", duration=2 * HOUR)
    assert isinstance(look(asked, policy, now=NOON + 59 * MINUTE), Granted)
    assert "does not approve it by itself" in why_not(look(asked, policy, now=NOON + 60 * MINUTE))
