"""People who ask and agree, a policy about them, and requests in every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule
from sentinel_server.policy.schema import Group
from sentinel_server.requests.model import REQUEST_TTL, AccessRequest, Vote

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""A Monday."""
HOME = "111122223333"
NOBODY_JOINED = Persons()


def user(name: str, account: str = HOME) -> Principal:
    """An IAM user."""
    return parse_principal(f"arn:aws:iam::{account}:user/{name}", unique_id=f"AIDA{name}")


def sso(name: str, permission_set: str = "Admin", account: str = HOME) -> Principal:
    """Somebody signed in by Identity Center."""
    role = f"AWSReservedSSO_{permission_set}_0123456789abcdef"
    return parse_principal(f"arn:aws:sts::{account}:assumed-role/{role}/{name}", unique_id=f"AROA:{name}")


ALICE, BOB, CAROL = user("alice"), user("bob"), user("carol")

RULE = ApprovalRule(
    name="production",
    approvers=("group:leads", "dave"),
    profiles=("prod*",),
    requesters=("alice", "erin", "bob"),
)
POLICY = ApprovalPolicy(rules=(RULE,), groups=(Group(name="leads", users=("alice", "bob", "carol")),))


def policy_with(**changes: object) -> ApprovalPolicy:
    """The policy with its one rule changed."""
    return replace(POLICY, rules=(replace(RULE, **changes),))  # type: ignore[arg-type]  # why: a test's shorthand


def a_request(asker: Principal = ALICE, **changes: object) -> AccessRequest:
    """A request of an hour for prod, made at noon and still pending."""
    request = AccessRequest(
        id="0123456789abcdef",
        person=asker.person,
        user=asker.name,
        principal_arn=asker.arn,
        profile="prod",
        duration=timedelta(hours=1),
        justification="rotate the database keys",
        created_at=NOON,
        expires_at=NOON + REQUEST_TTL,
    )
    return replace(request, **changes)  # type: ignore[arg-type]  # why: a test's shorthand


def vote_of(voter: Principal, request: AccessRequest, at: datetime, **changes: object) -> Vote:
    """The voter's yes to the request."""
    vote = Vote(person=voter.person, principal_arn=voter.arn, at=at, subject_sha256=request.subject_sha256)
    return replace(vote, **changes)  # type: ignore[arg-type]  # why: a test's shorthand


def approved(request: AccessRequest, *voters: Principal, at: datetime | None = None) -> AccessRequest:
    """The request approved by these, a minute after it was made unless said."""
    when = at or request.created_at + timedelta(minutes=1)
    votes = tuple(vote_of(voter, request, when) for voter in voters)
    return replace(request, votes=votes, approved_at=when)
