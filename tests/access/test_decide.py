"""The decision is total, and only `Allow` can lead to credentials."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.access.decide import decide
from sentinel_server.access.facts import Allow, Ask, Deny, Facts, NeedsApproval, Target
from sentinel_server.errors import (
    Blocked,
    DeadlineTooNear,
    PolicyDenied,
    PolicyUnavailable,
    PrincipalChanged,
    SentinelError,
    SessionEnded,
    SessionLapsed,
    SessionMissing,
    SessionRequired,
    SessionRevoked,
    StoreUnavailable,
)
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.schema import (
    FULL,
    STANDARD,
    STRICT,
    Conditions,
    DeviceCondition,
    Effect,
    LoadedPolicy,
    Mode,
    Origin,
    Override,
    Rule,
)
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Scope, Session, Standing
from sentinel_server.sessions.store import StoreRef
from tests.fakes.clock import NOON
from tests.fakes.credentials import ALICE, BOB
from tests.fakes.gate import ALLOW, DENY, ROLE, loaded
from tests.strategies import durations, instants, policies, principals

LOCAL = StoreRef(url="sqlite:///state.db", shared=False)
SHARED = StoreRef(url="dynamodb://eu-central-1/sentinel-sessions", shared=True, table="sentinel-sessions")
HOLD = Block(key=BlockKey(scope=Scope.EVERYONE), at=NOON, by="carol", reason="drill")


def a_session(**changes: object) -> Session:
    """An active session of alice's server, started at noon."""
    session = Session(
        id="1" * 16,
        person=ALICE.person,
        user="alice",
        principal_arn=ALICE.arn,
        principal_id=ALICE.unique_id,
        profile="prod",
        server_instance_id="2" * 16,
        source_identity="sentinel=u.alice=d=" + "1" * 16,
        started_at=NOON,
        heartbeat_at=NOON,
        last_access_at=NOON,
        expires_at=NOON + timedelta(hours=12),
        lease_seconds=660,
    )
    return replace(session, **changes)  # type: ignore[arg-type]  # why: any field of Session


def facts(*rules: Rule, mode: Mode = Mode.SERVER, **changes: object) -> Facts:
    """What is known when alice's server fetches for `prod`."""
    known = Facts(
        ask=Ask(profile="prod", mode=mode),
        target=Target(role_arn=ROLE),
        principal=ALICE,
        policy=loaded(*(rules or (ALLOW,))),
        standing=Standing(session=a_session() if mode is Mode.SERVER else None),
        store=LOCAL,
        session_id="1" * 16,
        instance_id="2" * 16,
        started_as=ALICE.same_id,
    )
    return replace(known, **changes)  # type: ignore[arg-type]  # why: any field of Facts


def allowed(known: Facts, now: datetime = NOON) -> Allow:
    """The decision, which must be Allow."""
    decision = decide(known, now)
    assert isinstance(decision, Allow)
    return decision


def refused(known: Facts, now: datetime = NOON) -> SentinelError:
    """The error of the decision, which must not be Allow."""
    decision = decide(known, now)
    assert isinstance(decision, Deny | NeedsApproval)
    return decision.error


def test_a_live_session_with_an_allow_is_served() -> None:
    allow = allowed(facts())
    assert (allow.duration, allow.lease) == (timedelta(seconds=900), STANDARD)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"revocation": Revocation(at=NOON, by="carol", reason="INC-42")}, SessionRevoked),
        ({"ended_at": NOON}, SessionEnded),
        ({"expires_at": NOON}, SessionEnded),
        ({"heartbeat_at": NOON - timedelta(minutes=10, seconds=1)}, SessionLapsed),
        ({"server_instance_id": "3" * 16}, SessionMissing),
        ({"profile": "dev"}, SessionMissing),
    ],
)
def test_a_session_in_any_other_state_is_not(changes: dict[str, object], error: type[SentinelError]) -> None:
    assert isinstance(refused(facts(standing=Standing(session=a_session(**changes)))), error)


def test_w15_a_row_that_is_gone_is_a_refusal() -> None:
    assert isinstance(refused(facts(standing=Standing(session=None))), SessionMissing)


def test_w16_a_store_that_does_not_answer_is_a_refusal() -> None:
    assert isinstance(refused(facts(standing=StoreUnavailable("slow"))), StoreUnavailable)


def test_a_revocation_shows_even_when_the_policy_cannot_be_read() -> None:
    cut = a_session(revocation=Revocation(at=NOON, by="carol", reason="INC-42"))
    known = facts(standing=Standing(session=cut), policy=PolicyUnavailable("gone"))
    assert "revoked by carol" in refused(known).message


def test_a_lapsed_session_can_only_be_revived_when_policy_still_allows() -> None:
    lapsed = Standing(session=a_session(heartbeat_at=NOON - timedelta(hours=1)))
    decision = decide(facts(standing=lapsed), NOON)
    assert isinstance(decision, Deny)
    assert decision.revivable
    denied = decide(facts(DENY, standing=lapsed), NOON)
    assert isinstance(denied, Deny)
    assert not denied.revivable


@pytest.mark.parametrize("mode", Mode)
def test_a_block_refuses_at_every_door(mode: Mode) -> None:
    known = facts(mode=mode)
    standing = known.standing
    assert isinstance(standing, Standing)
    assert isinstance(refused(replace(known, standing=replace(standing, blocks=(HOLD,)))), Blocked)


def test_a_block_that_was_lifted_or_ran_out_refuses_nobody() -> None:
    over = replace(HOLD, until=NOON)
    lifted = replace(HOLD, lifted_at=NOON, lifted_by="carol")
    allowed(facts(standing=Standing(session=a_session(), blocks=(over, lifted))))


def test_w13_other_base_credentials_end_the_session() -> None:
    assert isinstance(refused(facts(principal=BOB)), PrincipalChanged)


def test_w4_require_approval_is_a_refusal_that_says_so() -> None:
    decision = decide(facts(replace(ALLOW, effect=Effect.REQUIRE_APPROVAL)), NOON)
    assert isinstance(decision, NeedsApproval)
    assert "wants an approval" in decision.error.message


def test_w3_require_server_is_satisfied_by_the_server_alone() -> None:
    rule = replace(ALLOW, effect=Effect.REQUIRE_SERVER)
    allowed(facts(rule))
    for mode in (Mode.CLI, Mode.CREDENTIAL_PROCESS):
        assert refused(facts(rule, mode=mode)).code == "ServerModeRequired"


def test_w3_require_server_session_from_ssm_wants_the_shared_store() -> None:
    rule = replace(ALLOW, effect=Effect.REQUIRE_SERVER_SESSION)
    central = loaded(rule, origin=Origin.SSM)
    allowed(facts(policy=central, store=SHARED))
    assert isinstance(refused(facts(policy=central, store=LOCAL)), SessionRequired)
    allowed(facts(policy=loaded(rule), store=LOCAL))


def test_a_rules_own_table_beats_the_one_in_use() -> None:
    rule = replace(ALLOW, session_table="other")
    assert isinstance(refused(facts(rule, store=SHARED)), SessionRequired)
    allowed(facts(replace(rule, session_table="sentinel-sessions"), store=SHARED))


def test_a_device_condition_that_insists_is_a_denial_that_names_it() -> None:
    device = DeviceCondition(require_encryption=True, override=Override.NONE)
    rule = Rule(name="laptops", effect=Effect.ALLOW, conditions=Conditions(profiles=("prod",), device=device))
    assert "compliant device" in refused(facts(rule)).message
    allowed(facts(rule, ALLOW))


def test_w17_the_lease_bounds_what_a_revocation_cannot_take_back_and_a_rule_only_shortens_it() -> None:
    assert allowed(facts()).lease == STANDARD
    strict = replace(ALLOW, max_lease=STRICT)
    wish = Ask(profile="prod", mode=Mode.SERVER, lease=FULL)
    assert allowed(facts(strict, ask=wish)).lease == STRICT
    assert allowed(facts(ask=wish)).lease == FULL


def test_an_enforced_lease_becomes_the_life_of_the_session() -> None:
    allow = allowed(facts(replace(ALLOW, max_lease=STRICT, enforce_lease=True)))
    assert allow.life == timedelta(minutes=5)
    assert allow.not_after(NOON) == NOON + timedelta(minutes=5)


def test_longer_server_sessions_need_a_rule_that_allows_them() -> None:
    wish = Ask(profile="prod", mode=Mode.SERVER, duration=timedelta(hours=1))
    assert allowed(facts(ask=wish)).duration == timedelta(minutes=15)
    longer = replace(ALLOW, max_server_duration=timedelta(minutes=30))
    assert allowed(facts(longer, ask=wish)).duration == timedelta(minutes=30)


def test_a_base_that_is_a_role_session_never_gets_over_an_hour() -> None:
    ask = Ask(profile="prod", mode=Mode.CREDENTIAL_PROCESS, duration=timedelta(hours=4))
    target = Target(role_arn=ROLE, duration_seconds=14400)
    known = facts(mode=Mode.CREDENTIAL_PROCESS, ask=ask, target=target, started_as=None)
    assert allowed(replace(known, principal=BOB)).duration == timedelta(hours=1)
    assert allowed(replace(known, principal=ALICE)).duration == timedelta(hours=4)


def test_max_lease_holds_in_the_environment_too_where_nobody_asks_again() -> None:
    rule = replace(ALLOW, max_lease=STRICT)
    assert allowed(facts(rule, mode=Mode.CLI)).life == timedelta(minutes=5)
    assert allowed(facts(rule, mode=Mode.CREDENTIAL_PROCESS)).life == timedelta(hours=1)


def test_the_end_of_the_session_is_a_deadline() -> None:
    ending = a_session(expires_at=NOON + timedelta(minutes=3))
    allow = allowed(facts(standing=Standing(session=ending)))
    assert allow.not_after(NOON) == NOON + timedelta(minutes=3)


def test_under_fifteen_seconds_is_a_denial() -> None:
    ending = a_session(expires_at=NOON + timedelta(seconds=14))
    assert isinstance(refused(facts(standing=Standing(session=ending))), DeadlineTooNear)


def test_a_session_that_starts_needs_no_row_yet() -> None:
    allowed(facts(starting=True, session_id=None, standing=Standing(session=None)))


sessions = st.builds(
    lambda start, beat, end, over, cut: a_session(
        started_at=start,
        heartbeat_at=start + beat,
        expires_at=start + end,
        ended_at=over,
        revocation=cut,
    ),
    instants(),
    durations(timedelta(0), timedelta(days=1)),
    durations(timedelta(0), timedelta(days=1)),
    st.none() | instants(),
    st.none() | st.builds(Revocation, at=instants(), by=st.just("carol"), reason=st.just("x")),
)
keys = st.sampled_from([BlockKey(scope=Scope.EVERYONE), BlockKey(scope=Scope.PROFILE, name="prod")])
blocks = st.builds(
    Block,
    key=keys,
    at=instants(),
    by=st.just("carol"),
    reason=st.just("x"),
    until=st.none() | instants(),
    lifted_at=st.none() | instants(),
)
errors = st.sampled_from([StoreUnavailable("x"), PolicyUnavailable("x"), SentinelError("x")])
standings = st.builds(Standing, session=st.none() | sessions, blocks=st.lists(blocks, max_size=2).map(tuple))
loads = st.builds(
    LoadedPolicy,
    policy=policies(),
    name=st.just("p"),
    sha256=st.just("0" * 64),
    origin=st.sampled_from(Origin),
    account=st.none() | st.just("111122223333"),
)
any_facts = st.builds(
    Facts,
    ask=st.builds(
        Ask,
        profile=st.sampled_from(["prod", "dev"]),
        mode=st.sampled_from(Mode),
        duration=st.none() | durations(timedelta(seconds=1), timedelta(days=30)),
        lease=st.sampled_from([None, STANDARD, STRICT, FULL]),
    ),
    target=st.builds(
        Target,
        role_arn=st.none() | st.just(ROLE),
        duration_seconds=st.none() | st.integers(900, 43200),
    ),
    principal=principals() | errors,
    policy=loads | errors,
    standing=standings | errors,
    store=st.sampled_from([LOCAL, SHARED]),
    skew=durations(timedelta(0), timedelta(minutes=6)),
    session_id=st.none() | st.just("1" * 16),
    instance_id=st.just("2" * 16),
    starting=st.booleans(),
    started_as=st.none() | st.just(ALICE.same_id),
    enforce_lease=st.booleans(),
)


@given(any_facts, instants())
def test_no_facts_raise_and_only_an_allow_is_an_allow(known: Facts, now: datetime) -> None:
    decision = decide(known, now)
    assert isinstance(decision, Allow | Deny | NeedsApproval)
    if isinstance(decision, Allow):
        assert not isinstance(known.principal, SentinelError)
        assert not isinstance(known.policy, SentinelError)
        assert isinstance(known.standing, Standing)
        assert not any(block.holds(now) for block in known.standing.blocks)
        rule = decision.basis.rule
        assert rule is not None
        assert rule.effect not in (Effect.DENY, Effect.REQUIRE_APPROVAL)
        assert decision.duration >= timedelta(seconds=900)
        assert decision.life <= decision.duration


@given(any_facts, instants())
def test_a_deny_in_front_never_lets_anybody_through(known: Facts, now: datetime) -> None:
    if isinstance(known.policy, SentinelError):
        return
    nobody = Rule(name="a freeze", effect=Effect.DENY)
    stricter = replace(known.policy.policy, rules=(nobody, *known.policy.policy.rules))
    policy = replace(known.policy, policy=stricter)
    assert not isinstance(decide(replace(known, policy=policy), now), Allow)


@given(any_facts, instants(), st.sampled_from(["principal", "policy", "standing"]))
def test_losing_a_fact_never_turns_a_no_into_a_yes(known: Facts, now: datetime, lost: str) -> None:
    changed = replace(known, **{lost: StoreUnavailable("lost")})  # type: ignore[arg-type]  # why: see above
    assert not isinstance(decide(changed, now), Allow)


def test_who_asks_is_named_in_the_refusal() -> None:
    people: tuple[Principal, ...] = (ALICE, BOB)
    for principal in people:
        error = refused(facts(DENY, principal=principal, started_as=None))
        assert isinstance(error, PolicyDenied)
        assert principal.name in error.message
        assert "frozen" in error.message
