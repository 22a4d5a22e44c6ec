"""Emergencies and what they are judged by, with defaults that hold."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sentinel_server.breakglass.ending import Actor
from sentinel_server.breakglass.model import Emergency, MfaEvidence, sealed
from sentinel_server.breakglass.opening import Call, Desk, Rulebook
from sentinel_server.breakglass.rules import Wanted
from sentinel_server.clock import Clock, SystemIds
from sentinel_server.errors import SentinelError
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.breakglass import BreakGlassPolicy, BreakGlassRule, ReasonCode
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.store import Records
from tests.fakes.clock import NOON, FakeClock

HOME = "111122223333"
HOUR = timedelta(hours=1)


def iam_user(name: str = "alice", account: str = HOME) -> Principal:
    """An IAM user of that name."""
    return Principal(
        partition="aws",
        account=account,
        kind=Kind.IAM_USER,
        name=name,
        unique_id=f"AIDA{name.upper()}",
        arn=f"arn:aws:iam::{account}:user/{name}",
    )


def sso_user(name: str = "alice", role: str = "AWSReservedSSO_Admin_0123456789abcdef") -> Principal:
    """Somebody of Identity Center under one of their permission sets."""
    return Principal(
        partition="aws",
        account=HOME,
        kind=Kind.SSO_ROLE,
        name=name,
        role=role,
        unique_id=f"AROAEXAMPLE:{name}",
        arn=f"arn:aws:sts::{HOME}:assumed-role/{role}/{name}",
    )


ALICE = iam_user("alice")
BOB = iam_user("bob")


def a_rule(**changes: Any) -> BreakGlassRule:
    """A rule by which Alice and Bob may break the glass of `prod`."""
    rule = BreakGlassRule(name="on call", users=("alice", "bob"), profiles=("prod",))
    return replace(rule, **changes)


def a_policy(*rules: BreakGlassRule, **changes: Any) -> BreakGlassPolicy:
    """A policy of these rules, or of one that lets Alice and Bob in."""
    return replace(BreakGlassPolicy(rules=rules or (a_rule(),)), **changes)


def wanted(**changes: Any) -> Wanted:
    """Alice wants `prod` for an hour because of an incident."""
    want = Wanted(
        principal=ALICE,
        profile="prod",
        reason_code=ReasonCode.INCIDENT,
        duration=HOUR,
        home_account=HOME,
    )
    return replace(want, **changes)


def an_event(**changes: Any) -> Emergency:
    """An emergency of Alice's for `prod`, opened at noon for an hour; its id is made of what it says."""
    event = Emergency(
        id="",
        person=ALICE.person,
        user="alice",
        principal_arn=ALICE.arn,
        profile="prod",
        reason_code=ReasonCode.INCIDENT,
        justification="the payment service is down for everyone",
        created_at=NOON,
        duration=HOUR,
        rule="on call",
        salt="00000000000000e1",
        version=1,
    )
    event = replace(event, **changes)
    return event if "id" in changes else sealed(event)


def evidence(method: str = "totp", before: timedelta = timedelta(seconds=5)) -> MfaEvidence:
    """A second factor shown that long before noon."""
    return MfaEvidence(method=method, verified_at=NOON - before, challenge_id="iam:111122223333:alice")


async def no_rest(attempt: int) -> None:
    """Try again at once, after everybody else has had a turn."""
    await asyncio.sleep(0)


def a_desk(records: Records | None = None, clock: Clock | None = None) -> Desk:
    """A desk over these records, memory unless given, at noon."""
    return Desk(records=records or MemoryRecords(), clock=clock or FakeClock(), ids=SystemIds(), rest=no_rest)


def a_call(**changes: Any) -> Call:
    """Alice's call for `prod`."""
    call = Call(
        wanted=wanted(), person=ALICE.person, justification="the payment service is down for everyone"
    )
    return replace(call, **changes)


def call_of(principal: Principal, profile: str = "prod", **changes: Any) -> Call:
    """The call of somebody for a profile."""
    return a_call(wanted=wanted(principal=principal, profile=profile), person=principal.person, **changes)


def rulebook(limits: RateLimitPolicy | SentinelError | None = None, **rule: Any) -> Rulebook:
    """Everybody may break any glass, under these limits."""
    return Rulebook(breakglass=a_policy(a_rule(users=("*",), profiles=(), **rule)), limits=limits)


def limited(**limits: Any) -> RateLimitPolicy:
    """A rate-limit policy of one rule for all profiles."""
    return RateLimitPolicy(rules=(RateLimitRule(name="limits", **limits),))


def an_actor(principal: Principal = BOB, **changes: Any) -> Actor:
    """Somebody who acts on an emergency."""
    return replace(Actor(principal=principal, persons=Persons(), home_account=HOME), **changes)
