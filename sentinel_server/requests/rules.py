"""Who may agree to a request, and whether one gives access now.

A request is granted when enough people, none of them its requester, agreed before its deadline. Nothing in a
row is believed because it is there: the gate looks at the policy, the votes and the window from scratch, each
time. Pure; no rule means that nobody may approve.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.clock import whole_seconds
from sentinel_server.errors import InvalidArn
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule
from sentinel_server.policy.membership import covers, is_open, means
from sentinel_server.policy.read_approval import LONGEST_REQUEST
from sentinel_server.requests.model import REQUEST_TTL, AccessRequest, Status, Vote

CLOCKS_APART = timedelta(seconds=10)
"""How far ahead of ours a stored time may be: every clock is corrected by AWS's, to within seconds."""


class VoteCheck(Protocol):
    """Looks at the signature of a vote."""

    def __call__(self, request: AccessRequest, vote: Vote, now: datetime) -> str:
        """Why the signature keeps the vote from counting at `now`; empty when it does not."""
        ...


def no_signature_wanted(request: AccessRequest, vote: Vote, now: datetime) -> str:
    """The check where no keys are pinned: there is nothing to look at a signature with."""
    return ""


@frozen
class Granted:
    """It gives access until `ends_at`. `must_start` is true while nobody has written down its first use."""

    ends_at: datetime
    must_start: bool


@frozen
class NotGranted:
    """It gives none, for the reason `why`."""

    why: str


@frozen
class Tally:
    """The votes that count, the first of each person in order of time, and why each other one does not."""

    counted: tuple[Vote, ...]
    refused: tuple[str, ...] = ()


def route(
    policy: ApprovalPolicy, principal: Principal, profile: str, home_account: str | None
) -> ApprovalRule | None:
    """The rule that says who may approve: the first whose profiles and requesters fit."""
    for rule in policy.rules:
        asks = not rule.requesters or means(rule.requesters, policy, principal, home_account)
        if asks and covers(rule.profiles, profile):
            return rule
    return None


def names(policy: ApprovalPolicy, principal: Principal, profile: str, home_account: str | None) -> bool:
    """Whether the rule in charge says both this profile and this requester, as more than "any".

    Only then may an approval lift a denial that is there because no rule of the policy matched.
    """
    rule = route(policy, principal, profile, home_account)
    return rule is not None and bool(rule.profiles) and bool(rule.requesters)


def may_approve(
    policy: ApprovalPolicy, rule: ApprovalRule, principal: Principal, home_account: str | None
) -> bool:
    """Whether the rule lists the principal. That nobody approves their own request is apart from it."""
    return means(rule.approvers, policy, principal, home_account)


def approves_itself(
    policy: ApprovalPolicy,
    rule: ApprovalRule,
    principal: Principal,
    duration: timedelta,
    at: datetime,
    home_account: str | None,
) -> bool:
    """Whether a request of that duration, made `at` that time, needs nobody's approval."""
    auto = rule.auto_approve
    return (
        auto is not None
        and means(auto.users, policy, principal, home_account)
        and (auto.time is None or is_open(auto.time, at))
        and (auto.max_duration is None or duration <= auto.max_duration)
        and (rule.max_duration is None or duration <= rule.max_duration)
    )


def identities(principal_arn: str, person: str, persons: Persons) -> frozenset[str]:
    """Every key of whoever has that ARN and is said to be that person, as the map here joins them.

    Two who share a key are taken for one. Raises InvalidArn.
    """
    principal = parse_principal(principal_arn, unique_id="-")
    return frozenset({principal.person, persons.key(principal), person, persons.joined(person)})


def tally(
    request: AccessRequest,
    policy: ApprovalPolicy,
    rule: ApprovalRule,
    *,
    now: datetime,
    home_account: str | None,
    persons: Persons,
    check: VoteCheck,
) -> Tally:
    """The votes that count now, one of each person."""
    requester = identities(request.principal_arn, request.person, persons)
    counted: list[Vote] = []
    refused: list[str] = []
    seen = requester
    for vote in sorted(request.votes, key=lambda vote: vote.at):
        try:
            voter = identities(vote.principal_arn, vote.person, persons)
            approver = parse_principal(vote.principal_arn, unique_id="-")
        except InvalidArn:
            refused.append(f"the approval of {vote.person} is by nobody AWS could name")
            continue
        why = _not_theirs(voter, requester, seen) or _untimely(request, vote, now)
        if not why and not may_approve(policy, rule, approver, home_account):
            why = f"is not of an approver whom rule '{rule.name}' lists"
        if not why and vote.subject_sha256 != request.subject_sha256:
            why = "is about another request than this"
        why = why or check(request, vote, now)
        if why:
            refused.append(f"the approval of {vote.person} {why}")
        else:
            counted.append(vote)
            seen |= voter
    return Tally(counted=tuple(counted), refused=tuple(refused))


def _not_theirs(voter: frozenset[str], requester: frozenset[str], seen: frozenset[str]) -> str:
    if voter & requester:
        return "is of the requester"
    return "is not their first" if voter & seen else ""


def _untimely(request: AccessRequest, vote: Vote, now: datetime) -> str:
    deadline = min(request.expires_at, request.created_at + REQUEST_TTL)  # a row may say what it likes
    if not request.created_at - CLOCKS_APART <= vote.at < deadline:
        return "was not made while the request was open"
    return f"is from the future, {whole_seconds(vote.at)}" if vote.at > now + CLOCKS_APART else ""


def granted(
    request: AccessRequest,
    policy: ApprovalPolicy,
    *,
    principal: Principal,
    profile: str,
    now: datetime,
    home_account: str | None,
    persons: Persons,
    check: VoteCheck,
) -> Granted | NotGranted:
    """Whether the request gives `principal` the use of `profile` now, and until when.

    The window begins with the vote that made them enough, whatever the row says of it, and lasts no longer
    than was asked, than the rule allows now, and than `LONGEST_REQUEST`. Never raises.
    """
    if why := not_about(request, principal, profile, persons) or _not_standing(request, now):
        return NotGranted(why=why)
    rule = route(policy, principal, profile, home_account)
    if rule is None:
        return NotGranted(
            why=f"no approval rule is about user {principal.name!r} and "
            f"profile {profile!r}, so nobody may approve"
        )
    begins: datetime | NotGranted
    if request.auto_rule:
        begins = _by_itself(request, policy, rule, principal, home_account, now)
    else:
        found = tally(request, policy, rule, now=now, home_account=home_account, persons=persons, check=check)
        begins = _by_votes(request, rule, found)
    return begins if isinstance(begins, NotGranted) else _window(request, rule, begins, now)


def not_about(request: AccessRequest, principal: Principal, profile: str, persons: Persons) -> str:
    """Why the request, by what it says, is not this principal's for this profile; empty when it is."""
    try:
        own = persons.key(parse_principal(request.principal_arn, unique_id="-"))
    except InvalidArn:
        return "it is of nobody AWS could name"
    if request.profile != profile:
        return f"it is for {request.profile}"
    if persons.key(principal) not in {own} & {persons.joined(request.person)}:
        return f"it is of {request.person}"
    return ""


def _not_standing(request: AccessRequest, now: datetime) -> str:
    status = request.status(now)
    if status is not Status.APPROVED:
        return f"it is {status.value}"
    if request.duration <= timedelta(0):
        return "it asks for no time at all"
    since = request.granted_at
    if since is not None and since > now + CLOCKS_APART:
        return f"it begins in the future, at {whole_seconds(since)}"
    return ""


def _by_itself(
    request: AccessRequest,
    policy: ApprovalPolicy,
    rule: ApprovalRule,
    principal: Principal,
    home_account: str | None,
    now: datetime,
) -> datetime | NotGranted:
    """Whether the rule approves it both when it says it was made, which nobody vouches for, and now."""
    approved = request.auto_rule == rule.name and all(
        approves_itself(policy, rule, principal, request.duration, at, home_account)
        for at in (request.created_at, now)
    )
    return (
        request.created_at
        if approved
        else NotGranted(why=f"rule '{rule.name}' does not approve it by itself")
    )


def _by_votes(request: AccessRequest, rule: ApprovalRule, found: Tally) -> datetime | NotGranted:
    approved_at = request.approved_at
    if approved_at is None:
        return NotGranted(why="it is not approved")
    before = [vote for vote in found.counted if vote.at <= approved_at]
    if len(before) >= rule.approvals_required:
        return before[rule.approvals_required - 1].at
    late = len(found.counted) - len(before)
    reasons: Sequence[str] = (*found.refused, *(["a vote is later than the approval"] if late else []))
    why = f"{len(before)} of {rule.approvals_required} approvals count"
    return NotGranted(why="; ".join([why, *reasons]))


def _window(
    request: AccessRequest, rule: ApprovalRule, begins: datetime, now: datetime
) -> Granted | NotGranted:
    longest = min(LONGEST_REQUEST, rule.max_duration or LONGEST_REQUEST)
    ends_at = begins + min(request.duration, longest)
    if now >= ends_at:
        return NotGranted(why=f"it ended at {whole_seconds(ends_at)}")
    first = request.started_at or now
    if not begins - CLOCKS_APART <= first <= now + CLOCKS_APART:
        return NotGranted(why=f"its first use, at {whole_seconds(first)}, is not within it")
    if rule.start_within is not None and first > begins + rule.start_within:
        return NotGranted(why=f"it was not begun by {whole_seconds(begins + rule.start_within)}")
    return Granted(ends_at=ends_at, must_start=request.started_at is None)
