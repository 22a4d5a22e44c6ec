"""The gate issues only behind a recorded Allow, whatever breaks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.access.gate import Gate
from sentinel_server.access.once import issue_once
from sentinel_server.auditlog.event import Action
from sentinel_server.errors import (
    ApprovalRequired,
    AuditUnavailable,
    Blocked,
    ClockSkewed,
    IdentityUnavailable,
    LoginRequired,
    PolicyDenied,
    PolicyUnavailable,
    SentinelError,
    ServerModeRequired,
    StoreUnavailable,
    UnstampedProfile,
    UpstreamFailed,
)
from sentinel_server.policy.schema import STRICT, Effect, Mode, Rule
from sentinel_server.sessions.model import Block, BlockKey, Scope
from sentinel_server.sessions.store import SessionStore
from tests.fakes.credentials import BOB
from tests.fakes.gate import ALLOW, ANYONE, DENY, World, loaded


async def test_an_allowed_ask_gets_a_stamped_session_between_two_lines() -> None:
    world = World()
    issued = await issue_once(Gate(world.sources), world.a_seat())
    (ask,) = world.roles.asks
    assert ask.source_identity == f"sentinel=u.alice=d={issued.issue_id}"
    assert issued.issue_id in ask.role_session_name
    assert world.actions() == ["intent", "outcome", "served"]
    assert {event.action for event in world.audit.synced} >= {Action.INTENT, Action.OUTCOME}


async def test_the_intent_is_on_disk_before_sts_is_asked() -> None:
    world = World()
    world.audit.gate = asyncio.Event()
    task = asyncio.create_task(issue_once(Gate(world.sources), world.a_seat()))
    await world.audit.started.wait()
    assert world.roles.asks == []
    world.audit.gate.set()
    await task
    assert len(world.roles.asks) == 1


async def test_no_secret_leaves_when_the_outcome_cannot_be_written() -> None:
    world = World()
    world.roles.gate = asyncio.Event()
    task = asyncio.create_task(issue_once(Gate(world.sources), world.a_seat()))
    await world.roles.started.wait()
    world.audit.fails = AuditUnavailable("disk full")
    world.roles.gate.set()
    with pytest.raises(AuditUnavailable):
        await task


async def test_nothing_is_asked_of_sts_when_the_intent_cannot_be_written() -> None:
    world = World()
    world.audit.fails = AuditUnavailable("disk full")
    with pytest.raises(AuditUnavailable):
        await issue_once(Gate(world.sources), world.a_seat())
    assert world.roles.asks == []


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (DENY, PolicyDenied),
        (replace(ALLOW, effect=Effect.REQUIRE_APPROVAL), ApprovalRequired),
        (replace(ALLOW, effect=Effect.REQUIRE_SERVER), ServerModeRequired),
        (replace(ALLOW, effect=Effect.REQUIRE_SERVER_SESSION), ServerModeRequired),
        (replace(ALLOW, conditions=replace(ANYONE, profiles=("dev",))), PolicyDenied),
    ],
)
async def test_any_effect_but_allow_refuses_a_one_shot_door(rule: Rule, error: type[SentinelError]) -> None:
    world = World()
    world.policies.policy = loaded(rule)
    with pytest.raises(error):
        await issue_once(Gate(world.sources), world.a_seat())
    assert world.roles.asks == []
    assert world.actions()[0] == "refused"


@pytest.mark.parametrize("failure", [PolicyUnavailable("gone"), RuntimeError("bug"), TimeoutError()])
async def test_a_policy_that_cannot_be_read_is_a_refusal_whatever_went_wrong(failure: Exception) -> None:
    world = World()
    world.policies.fails = failure
    with pytest.raises(PolicyUnavailable):
        await issue_once(Gate(world.sources), world.a_seat())
    assert world.roles.asks == []


@pytest.mark.parametrize("failure", [IdentityUnavailable("none"), LoginRequired("lapsed")])
async def test_nobody_in_particular_gets_nothing(failure: SentinelError) -> None:
    world = World()
    world.base.fails = failure
    with pytest.raises(type(failure)):
        await issue_once(Gate(world.sources), world.a_seat())


@pytest.mark.parametrize(
    "key",
    [
        BlockKey(scope=Scope.EVERYONE),
        BlockKey(scope=Scope.PROFILE, name="prod"),
        BlockKey(scope=Scope.PERSON, name="iam:111122223333:alice"),
    ],
)
@pytest.mark.parametrize("mode", [Mode.CLI, Mode.CREDENTIAL_PROCESS])
async def test_a_block_refuses_every_one_shot_door(key: BlockKey, mode: Mode) -> None:
    world = World()
    await world.store.block(Block(key=key, at=world.clock.now(), by="carol", reason="laptop stolen"))
    with pytest.raises(Blocked, match="laptop stolen"):
        await issue_once(Gate(world.sources), world.a_seat(mode))
    assert world.roles.asks == []


async def test_a_block_of_another_person_is_in_nobody_elses_way() -> None:
    world = World()
    world.base.who = BOB
    key = BlockKey(scope=Scope.PERSON, name="iam:111122223333:alice")
    await world.store.block(Block(key=key, at=world.clock.now(), by="carol", reason="left"))
    await issue_once(Gate(world.sources), world.a_seat())
    assert len(world.roles.asks) == 1


async def test_a_store_that_cannot_be_opened_is_a_refusal() -> None:
    world = World()

    async def broken(table: str | None) -> SessionStore:
        raise StoreUnavailable("no answer")

    sources = replace(world.sources, open_store=broken)
    with pytest.raises(StoreUnavailable):
        await issue_once(Gate(sources), world.a_seat())
    assert world.roles.asks == []


async def test_the_store_is_the_one_that_the_rule_names() -> None:
    world = World()
    world.policies.policy = loaded(replace(ALLOW, session_table="sentinel-sessions"))
    await issue_once(Gate(world.sources), world.a_seat())
    assert world.tables == ["sentinel-sessions"]


async def test_a_clock_that_is_six_minutes_off_issues_nothing() -> None:
    world = World()
    world.clock.skewed = timedelta(minutes=6)
    with pytest.raises(ClockSkewed):
        await issue_once(Gate(world.sources), world.a_seat())
    assert world.roles.asks == []


async def test_a_skew_that_the_mint_itself_brings_to_light_withholds_what_was_minted() -> None:
    world = World()
    world.roles.gate = asyncio.Event()
    task = asyncio.create_task(issue_once(Gate(world.sources), world.a_seat()))
    await world.roles.started.wait()
    world.clock.skewed = -timedelta(hours=1)
    world.roles.gate.set()
    with pytest.raises(ClockSkewed):
        await task


async def test_a_failed_assume_role_leaves_a_failed_outcome() -> None:
    world = World()
    world.roles.fails = UpstreamFailed("sts is down")
    with pytest.raises(UpstreamFailed):
        await issue_once(Gate(world.sources), world.a_seat())
    (outcome,) = (event for event in world.audit.events if event.action is Action.OUTCOME)
    assert (outcome.outcome, outcome.code) == ("failed", "UpstreamFailed")


async def test_w9_a_profile_without_a_role_is_refused_unless_the_rule_says_otherwise() -> None:
    world = World()
    with pytest.raises(UnstampedProfile):
        await issue_once(Gate(world.sources), world.a_seat(role=None))
    assert world.roles.tokens == []
    world.policies.policy = loaded(replace(ALLOW, allow_unstamped=True))
    await issue_once(Gate(world.sources), world.a_seat(role=None))
    assert len(world.roles.tokens) == 1


async def test_a_capped_rule_never_serves_what_could_not_be_shortened() -> None:
    world = World()
    world.policies.policy = loaded(replace(ALLOW, allow_unstamped=True, max_lease=STRICT))
    with pytest.raises(UnstampedProfile, match="limits prod"):
        await issue_once(Gate(world.sources), world.a_seat(role=None))


async def test_w10_a_short_wish_becomes_a_deadline_that_aws_enforces() -> None:
    world = World()
    issued = await issue_once(Gate(world.sources), world.a_seat(duration=timedelta(minutes=5)))
    (ask,) = world.roles.asks
    assert ask.duration == timedelta(seconds=900)
    assert ask.not_after == world.clock.now() + timedelta(minutes=5)
    assert issued.expires_at == ask.not_after


async def test_a_rules_max_duration_caps_every_mode() -> None:
    for mode in (Mode.CLI, Mode.CREDENTIAL_PROCESS):
        world = World()
        world.policies.policy = loaded(replace(ALLOW, max_duration=timedelta(minutes=20)))
        await issue_once(Gate(world.sources), world.a_seat(mode, duration=timedelta(hours=2)))
        assert world.roles.asks[0].duration == timedelta(minutes=20)
