"""Emergencies and what they are judged by, with defaults that hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sentinel_server.breakglass.model import Emergency, MfaEvidence
from sentinel_server.breakglass.rules import Wanted
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.breakglass import BreakGlassPolicy, BreakGlassRule, ReasonCode
from tests.fakes.clock import NOON

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
    """An emergency of Alice's for `prod`, opened at noon for an hour."""
    event = Emergency(
        id="00000000000000e1",
        person=ALICE.person,
        user="alice",
        principal_arn=ALICE.arn,
        profile="prod",
        reason_code=ReasonCode.INCIDENT,
        justification="the payment service is down for everyone",
        created_at=NOON,
        duration=HOUR,
        rule="on call",
        version=1,
    )
    return replace(event, **changes)


def evidence(method: str = "totp", before: timedelta = timedelta(seconds=5)) -> MfaEvidence:
    """A second factor shown that long before noon."""
    return MfaEvidence(method=method, verified_at=NOON - before, challenge_id="iam:111122223333:alice")
