"""What lifts a refusal, and what nothing lifts. Each sentence of the decision's second step is here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.access.decide import decide
from sentinel_server.access.facts import Allow, Ask, Decision, Deny, Facts, NeedsApproval, Sought, Target
from sentinel_server.breakglass.model import sealed
from sentinel_server.errors import (
    ApprovalRequired,
    Blocked,
    DeadlineTooNear,
    PolicyDenied,
    PolicyUnavailable,
    SentinelError,
    ServerModeRequired,
    SessionRevoked,
    StoreUnavailable,
    UnstampedProfile,
)
from sentinel_server.identity.people import Persons
from sentinel_server.identity.source_identity import Marker
from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule
from sentinel_server.policy.breakglass import BreakGlassPolicy, BreakGlassRule
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.schema import Conditions, DeviceCondition, Effect, Mode, Origin, Override, Rule
from sentinel_server.policy.sides import AnySide, LoadedSide, SideDocument
from sentinel_server.requests.model import AccessRequest, Ruling
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Session, Standing
from sentinel_server.sessions.store import StoreRef
from tests.fakes import emergencies, requests
from tests.fakes.gate import ROLE, loaded

NOON = requests.NOON
SOON = NOON + timedelta(minutes=5)
ALICE, BOB = requests.ALICE, requests.BOB
ONLY_PROD = Conditions(profiles=("prod",))
WANTS_APPROVAL = Rule(name="ask", effect=Effect.REQUIRE_APPROVAL, conditions=ONLY_PROD)
APPROVERS = ApprovalPolicy(
    rules=(ApprovalRule(name="prod", profiles=("prod",), requesters=("alice",), approvers=("bob",)),)
)
GLASS = BreakGlassPolicy(rules=(BreakGlassRule(name="on call", profiles=("prod",), users=("alice",)),))
APPROVED = requests.approved(requests.a_request(), BOB)
OPENED = emergencies.an_event(created_at=NOON, person=ALICE.person, principal_arn=ALICE.arn)


def side(document: SideDocument, kind: DocumentKind) -> AnySide:
    """The policy as a source would give it."""
    return LoadedSide(document=document, kind=kind, name=kind.value, sha256="0" * 64, origin=Origin.FILE)


APPROVAL_SIDE = side(APPROVERS, DocumentKind.APPROVAL)
GLASS_SIDE = side(GLASS, DocumentKind.BREAKGLASS)
BY_APPROVAL = Sought(requests=(APPROVED,), approvals=APPROVAL_SIDE)
BY_EMERGENCY = Sought(emergencies=(OPENED,), breakglass=GLASS_SIDE)
BY_BOTH = replace(BY_APPROVAL, emergencies=(OPENED,), breakglass=GLASS_SIDE)


def denying(override: Override) -> Rule:
    """A rule that denies, and may be lifted as it says."""
    return Rule(name="no", effect=Effect.DENY, conditions=ONLY_PROD, override=override)


def decided(
    *rules: Rule,
    sought: Sought,
    mode: Mode = Mode.CREDENTIAL_PROCESS,
    now: datetime = SOON,
    **changes: object,
) -> Decision:
    """The decision when alice asks for prod, five minutes past noon."""
    known = Facts(
        ask=Ask(profile="prod", mode=mode),
        target=Target(role_arn=ROLE),
        principal=ALICE,
        policy=loaded(*rules),
        standing=Standing(session=None),
        store=StoreRef(url="sqlite:///state.db", shared=False),
        sought=sought,
    )
    return decide(replace(known, **changes), now)  # type: ignore[arg-type]  # why: any field of Facts


def lifted(decision: Decision) -> Marker | None:
    """What lifted the refusal; None when it stands."""
    return decision.marker if isinstance(decision, Allow) else None


def error_of(decision: Decision) -> SentinelError:
    """The refusal, which the decision must be."""
    assert isinstance(decision, Deny | NeedsApproval)
    return decision.error


def test_w10_1_require_approval_without_an_approval_never_grants() -> None:
    decision = decided(WANTS_APPROVAL, sought=Sought())
    assert isinstance(decision, NeedsApproval)
    assert isinstance(decision.error, ApprovalRequired)
    assert decision.error.hint == "ask: sentinel request --profile prod --justification WHY"


def test_require_approval_is_lifted_by_either_and_an_approval_is_tried_first() -> None:
    assert lifted(decided(WANTS_APPROVAL, sought=BY_APPROVAL)) is Marker.APPROVED
    assert lifted(decided(WANTS_APPROVAL, sought=BY_EMERGENCY)) is Marker.EMERGENCY
    assert lifted(decided(WANTS_APPROVAL, sought=BY_BOTH)) is Marker.APPROVED


@pytest.mark.parametrize(
    ("override", "by_approval", "by_emergency"),
    [
        (Override.EMERGENCY, None, Marker.EMERGENCY),
        (Override.APPROVAL, Marker.APPROVED, Marker.EMERGENCY),
        (Override.APPROVAL_ONLY, Marker.APPROVED, None),
        (Override.NONE, None, None),
    ],
    ids=lambda value: getattr(value, "value", value),
)
def test_a_denial_is_lifted_by_what_its_override_says(
    override: Override, by_approval: Marker | None, by_emergency: Marker | None
) -> None:
    assert lifted(decided(denying(override), sought=BY_APPROVAL)) is by_approval
    assert lifted(decided(denying(override), sought=BY_EMERGENCY)) is by_emergency


def test_what_no_rule_matches_is_lifted_only_where_person_and_profile_are_named() -> None:
    assert lifted(decided(sought=BY_APPROVAL)) is Marker.APPROVED
    assert lifted(decided(sought=BY_EMERGENCY)) is Marker.EMERGENCY
    anyone = side(
        ApprovalPolicy(rules=(ApprovalRule(name="all", approvers=("bob",)),)), DocumentKind.APPROVAL
    )
    assert lifted(decided(sought=replace(BY_APPROVAL, approvals=anyone))) is None
    everywhere = side(
        BreakGlassPolicy(rules=(BreakGlassRule(name="all", users=("alice",)),)), DocumentKind.BREAKGLASS
    )
    assert lifted(decided(sought=replace(BY_EMERGENCY, breakglass=everywhere))) is None
    assert lifted(decided(WANTS_APPROVAL, sought=replace(BY_APPROVAL, approvals=anyone))) is Marker.APPROVED


@pytest.mark.parametrize("effect", [Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION])
def test_no_override_lifts_what_is_about_the_door(effect: Effect) -> None:
    decision = decided(Rule(name="door", effect=effect, conditions=ONLY_PROD), sought=BY_BOTH)
    assert isinstance(error_of(decision), ServerModeRequired)


def test_nothing_lifts_a_device_that_must_comply() -> None:
    device = Conditions(device=DeviceCondition(require_encryption=True, override=Override.NONE))
    healthy = Rule(name="healthy", effect=Effect.ALLOW, conditions=device)
    assert lifted(decided(healthy, denying(Override.APPROVAL), sought=BY_BOTH)) is None
    assert lifted(decided(healthy, sought=BY_BOTH)) is None


def test_nothing_lifts_a_block_a_revocation_or_a_store_that_cannot_answer() -> None:
    block = Block(key=BlockKey(scope=Scope.EVERYONE), at=NOON, by="carol", reason="drill")
    blocked = decided(WANTS_APPROVAL, sought=BY_BOTH, standing=Standing(session=None, blocks=(block,)))
    assert isinstance(error_of(blocked), Blocked)
    silent = decided(WANTS_APPROVAL, sought=BY_BOTH, standing=StoreUnavailable("slow"))
    assert isinstance(error_of(silent), StoreUnavailable)
    cut = a_session(revocation=Revocation(at=NOON, by="carol", reason="INC-42"))
    revoked = decided(
        WANTS_APPROVAL,
        sought=BY_BOTH,
        mode=Mode.SERVER,
        standing=Standing(session=cut),
        session_id=cut.id,
        instance_id=cut.server_instance_id,
    )
    assert isinstance(error_of(revoked), SessionRevoked)


def a_session(**changes: object) -> Session:
    """A server session of alice's for prod, begun at noon."""
    session = Session(
        id="1" * 16,
        person=ALICE.person,
        user="alice",
        principal_arn=ALICE.arn,
        principal_id=ALICE.unique_id,
        profile="prod",
        server_instance_id="2" * 16,
        source_identity="sentinel=u.alice=a=" + "1" * 16,
        started_at=NOON,
        heartbeat_at=SOON,
        last_access_at=SOON,
        expires_at=NOON + timedelta(hours=12),
        lease_seconds=660,
    )
    return replace(session, **changes)  # type: ignore[arg-type]  # why: any field of Session


def served(sought: Sought, now: datetime) -> Decision:
    """What alice's server session is answered at `now`."""
    session = a_session(heartbeat_at=now)
    return decided(
        WANTS_APPROVAL,
        sought=sought,
        mode=Mode.SERVER,
        now=now,
        standing=Standing(session=session),
        session_id=session.id,
        instance_id=session.server_instance_id,
    )


def test_what_is_granted_ends_with_the_override_and_aws_is_told() -> None:
    decision = served(BY_APPROVAL, NOON + timedelta(minutes=55))
    assert isinstance(decision, Allow)
    end = NOON + timedelta(minutes=61)
    assert (decision.override_id, decision.ends_at) == (APPROVED.id, end)
    assert decision.not_after(NOON + timedelta(minutes=55)) == end, "6 minutes are less than STS gives"


def test_under_15_seconds_of_an_override_are_a_denial() -> None:
    decision = served(BY_APPROVAL, NOON + timedelta(minutes=60, seconds=50))
    assert isinstance(error_of(decision), DeadlineTooNear)


def test_a_one_shot_door_asks_aws_for_no_more_than_is_left() -> None:
    decision = decided(WANTS_APPROVAL, sought=BY_APPROVAL, now=NOON + timedelta(minutes=31))
    assert isinstance(decision, Allow)
    assert decision.duration == decision.life == timedelta(minutes=30)


def test_the_limits_of_the_lifted_rule_still_hold() -> None:
    rule = replace(WANTS_APPROVAL, max_duration=timedelta(minutes=20))
    decision = decided(rule, sought=BY_APPROVAL)
    assert isinstance(decision, Allow)
    assert decision.life == timedelta(minutes=20)


def test_a_profile_without_a_role_is_never_lifted_into() -> None:
    rule = replace(WANTS_APPROVAL, allow_unstamped=True)
    decision = decided(rule, sought=BY_APPROVAL, target=Target(role_arn=None))
    assert isinstance(error_of(decision), UnstampedProfile)


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (replace(APPROVED, revoked=Ruling(at=SOON, by="bob")), "it is revoked"),
        (replace(APPROVED, cancelled=Ruling(at=SOON, by="alice")), "it is cancelled"),
        (requests.a_request(), "it is pending"),
        (replace(APPROVED, profile="dev"), "it is for dev"),
        (requests.approved(requests.a_request(BOB), ALICE), "it is of "),
        (replace(APPROVED, votes=()), "0 of 1 approvals count"),
        (requests.approved(requests.a_request(), ALICE), "0 of 1 approvals count"),
        (replace(APPROVED, duration=timedelta(hours=8)), "is about another request than this"),
    ],
    ids=["revoked", "cancelled", "pending", "of-another-profile", "of-another", "unvoted", "own", "altered"],
)
def test_a_request_that_does_not_hold_lifts_nothing_and_the_refusal_says_why(
    request_: AccessRequest, why: str
) -> None:
    decision = decided(WANTS_APPROVAL, sought=replace(BY_APPROVAL, requests=(request_,)))
    assert why in error_of(decision).message


def test_of_several_requests_the_one_that_lasts_longest_counts() -> None:
    later = requests.approved(requests.a_request(id="f" * 16), BOB, at=NOON + timedelta(minutes=4))
    decision = decided(WANTS_APPROVAL, sought=replace(BY_APPROVAL, requests=(APPROVED, later)))
    assert isinstance(decision, Allow)
    assert decision.override_id == later.id


@pytest.mark.parametrize(
    "side_", [None, PolicyUnavailable("gone"), GLASS_SIDE], ids=["none", "gone", "other"]
)
def test_without_the_policy_it_goes_by_an_approval_lifts_nothing(
    side_: AnySide | SentinelError | None,
) -> None:
    decision = decided(WANTS_APPROVAL, sought=replace(BY_APPROVAL, approvals=side_))
    assert "approval policy" in error_of(decision).message


def test_ledgers_that_cannot_be_read_are_no_override_and_the_refusal_says_so() -> None:
    decision = decided(denying(Override.EMERGENCY), sought=Sought(trouble=StoreUnavailable("table is gone")))
    error = error_of(decision)
    assert isinstance(error, PolicyDenied)
    assert error.message.endswith("could not be looked at: table is gone")


def test_a_vote_whose_signature_does_not_hold_counts_for_nothing() -> None:
    sought = replace(BY_APPROVAL, check=lambda request, vote, now: "is not signed")
    assert "is not signed" in error_of(decided(WANTS_APPROVAL, sought=sought)).message


def test_an_emergency_that_says_something_else_than_when_it_was_opened_lifts_nothing() -> None:
    later = replace(OPENED, created_at=NOON + timedelta(seconds=1))
    error = error_of(decided(WANTS_APPROVAL, sought=replace(BY_EMERGENCY, emergencies=(later,))))
    assert "is not what was opened: somebody changed what it says" in error.message


def test_one_person_under_two_principals_may_use_their_own_emergency() -> None:
    persons = Persons({"alice": (ALICE.person, "sso:alice")})
    mine = sealed(replace(OPENED, person="sso:alice", principal_arn=emergencies.sso_user().arn))
    sought = replace(BY_EMERGENCY, emergencies=(mine,))
    assert lifted(decided(WANTS_APPROVAL, sought=sought)) is None
    assert lifted(decided(WANTS_APPROVAL, sought=replace(sought, persons=persons))) is Marker.EMERGENCY


@given(
    minutes=st.integers(min_value=-60, max_value=600),
    override=st.sampled_from(Override),
    server=st.booleans(),
)
def test_whatever_is_lifted_ends_by_the_end_of_what_lifted_it(
    minutes: int, override: Override, server: bool
) -> None:
    now = NOON + timedelta(minutes=minutes)
    decision = served(BY_BOTH, now) if server else decided(denying(override), sought=BY_BOTH, now=now)
    if isinstance(decision, Allow):
        assert decision.lift is not None
        assert decision.ends_at is not None
        assert now < decision.ends_at <= NOON + timedelta(minutes=61)
        end = decision.not_after(now) or now + decision.duration
        assert end <= decision.ends_at


def test_whoever_has_asked_already_is_told_to_wait_and_not_to_ask_again() -> None:
    pending = requests.a_request()
    decision = decided(WANTS_APPROVAL, sought=replace(BY_APPROVAL, requests=(pending,)))
    assert error_of(decision).hint == f"wait for it: sentinel check {pending.id}"
