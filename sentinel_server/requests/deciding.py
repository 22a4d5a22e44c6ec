"""Deciding about a request: approving, denying, taking back and revoking. Never the requester, by person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from sentinel_server.clock import sortable
from sentinel_server.errors import (
    AlreadyExists,
    RequestRefused,
    SentinelError,
    StoreRefused,
    StoreUnavailable,
)
from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Principal
from sentinel_server.notifications.event import EventType
from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule
from sentinel_server.records.model import Value
from sentinel_server.requests.deeds import Deed, Done
from sentinel_server.requests.desk import (
    CONTENTION,
    Desk,
    Rulebook,
    change,
    contended,
    is_requester,
    read_one,
    requester,
)
from sentinel_server.requests.ending import (
    End,
    check_approved,
    check_granted,
    check_pending,
    check_unfinished,
    cut_unread,
    end_by,
)
from sentinel_server.requests.model import AccessRequest, Status, Vote
from sentinel_server.requests.rows import request_ref, votes_value
from sentinel_server.requests.rules import Tally, identities, may_approve, route, tally
from sentinel_server.requests.signing import signed
from sentinel_server.requests.steps import look_at
from sentinel_server.requests.words import checked_comment


@frozen
class Counted:
    """Where a request stands: how many approvals it takes, and those that count."""

    required: int
    tally: Tally


async def approve(desk: Desk, request_id: str, approver: Principal, comment: str = "") -> Done:
    """Add the approver's vote, signed when the desk has a signer; with enough of them access begins.

    Raises BadInput, NotFound, RequestRefused for whoever may not approve it, AlreadyExists for a second vote,
    RequestOver unless it is pending, SentinelError when the vote would not count, PolicyUnavailable and
    StoreUnavailable.
    """
    comment = checked_comment(comment)
    for attempt in range(1, CONTENTION + 1):
        rules = await desk.rules()
        before = await read_one(desk.records, request_id)
        now = desk.clock.now()
        check_pending(before, now)
        policy, rule = _in_charge(rules, before)
        _check_approver(desk, rules, before, approver, "approve")
        counted = _tally(desk, rules, policy, rule, before, now).counted
        if any(_is_of(desk, vote, approver) for vote in counted):
            raise AlreadyExists(
                f"you have approved request {before.id} already; it waits for others",
                hint=look_at(before),
            )
        vote = await _vote(desk, before, approver, comment, now)
        kept = tuple(each for each in before.votes if each in counted or not _is_of(desk, each, approver))
        after = replace(before, votes=(*kept, vote))
        found = _tally(desk, rules, policy, rule, after, now)
        enough = len(found.counted) >= rule.approvals_required
        if (done := await _voted(desk, before, after, vote, now if enough else None)) is not None:
            return done
        await desk.rest(attempt)
    raise contended(request_ref(request_id))


async def deny(desk: Desk, request_id: str, approver: Principal, comment: str = "") -> Done:
    """End a pending request with a no, which is for those who could approve it.

    Raises what `approve` does.
    """

    def judge(rules: Rulebook, before: AccessRequest, now: datetime, end: End) -> Principal:
        check_pending(before, now)
        _check_approver(desk, rules, before, approver, "deny")
        return approver

    return await end_by(desk, request_id, ("denied",), comment, judge)


async def cancel(
    desk: Desk,
    request_id: str,
    asker: Principal,
    comment: str = "",
    *,
    also: tuple[Principal, ...] = (),
    give_back: bool = False,
) -> Done:
    """Take one's own pending request back; with `give_back` an approved access, before its end.

    `also` are further principals who are the same person here and now; whichever asked is written down.
    Raises RequestRefused for another's request, NotFound, RequestOver, BadInput and StoreUnavailable.
    """

    def judge(rules: Rulebook, before: AccessRequest, now: datetime, end: End) -> Principal:
        own = next((each for each in (asker, *also) if is_requester(before, each, desk.persons)), None)
        if own is None:
            raise RequestRefused(
                f"request {before.id} is of {before.person}, and only they can cancel it",
                hint=f"an approver can deny it: sentinel deny {before.id}",
            )
        if give_back:
            check_approved(before, now, f"cancel it: sentinel cancel {before.id}")
        else:
            check_pending(before, now, f"give it back: sentinel cancel --give-back {before.id}")
        return own

    return await end_by(desk, request_id, ("cancelled",), comment, judge, needs_rules=False)


async def revoke(desk: Desk, request_id: str, by: Principal, comment: str = "") -> Done:
    """End an approved access, also one that is over by the clock here, which may be wrong.

    It only takes away, so it is for whoever the store lets write `cut_*` or `revoked_*`: the security team
    and approvers. The security team's word lands on what others ended, too, because they could take theirs
    back. No policy is asked: one that cannot be read must not keep access alive. Raises NotFound,
    RequestOver, BadInput and StoreUnavailable.
    """

    def judge(rules: Rulebook, before: AccessRequest, now: datetime, end: End) -> Principal:
        if end != "cut" or before.cut is not None or before.granted_at is None:
            check_unfinished(before, now)
            check_granted(before, f"deny it: sentinel deny {before.id}")
        return by

    try:
        return await end_by(desk, request_id, ("cut", "revoked"), comment, judge, needs_rules=False)
    except StoreRefused:
        raise
    except StoreUnavailable as error:  # perhaps somebody made the row one that cannot be read
        if not await cut_unread(desk, request_id, by, comment):
            raise
        raise StoreUnavailable(
            f"{error.message}; it is revoked all the same, and nobody was told of it",
            hint="block whoever spoiled it: sentinel server-revoke --user KEY --reason WHY",
        ) from error


def standing(desk: Desk, rules: Rulebook, request: AccessRequest, now: datetime) -> Counted | None:
    """How many approvals the request takes by the policy now, and which it has; None when no rule fits.

    Raises StoreUnavailable for a request of nobody.
    """
    principal = requester(request)
    policy = rules.policy
    rule = None if policy is None else route(policy, principal, request.profile, rules.home(principal))
    if policy is None or rule is None:
        return None
    return Counted(required=rule.approvals_required, tally=_tally(desk, rules, policy, rule, request, now))


def could_approve(desk: Desk, rules: Rulebook, request: AccessRequest, who: Principal, now: datetime) -> bool:
    """Whether the request waits for this person's vote."""
    if request.status(now) is not Status.PENDING:
        return False
    try:
        policy, rule = _in_charge(rules, request)
        _check_approver(desk, rules, request, who, "approve")
    except SentinelError:
        return False
    counted = _tally(desk, rules, policy, rule, request, now).counted
    return not any(_is_of(desk, vote, who) for vote in counted)


async def _vote(desk: Desk, request: AccessRequest, approver: Principal, comment: str, now: datetime) -> Vote:
    vote = Vote(
        person=desk.persons.key(approver),
        principal_arn=approver.arn,
        at=now,
        subject_sha256=request.subject_sha256,
        comment=comment,
    )
    if desk.signer is not None:
        vote = await signed(desk.signer, request, vote)
    if why := desk.check(request, vote, now):
        raise SentinelError(
            f"your approval would not count: it {why}",
            hint="set your own key, approvals.key_file or approvals.kms_key; see docs/approvals.md",
        )
    return vote


async def _voted(
    desk: Desk, before: AccessRequest, after: AccessRequest, vote: Vote, approved_at: datetime | None
) -> Done | None:
    after = replace(after, version=before.version + 1, approved_at=approved_at)
    values: dict[str, Value | None] = {"votes": votes_value(after.votes)}
    told = [EventType.REQUEST_APPROVED]
    if approved_at is not None:
        values |= {"approved_at": sortable(approved_at), "status": Status.APPROVED.value}
        told.append(EventType.REQUEST_GRANTED)
    deeds = [
        Deed(
            type=each,
            request=after,
            at=vote.at,
            by=vote.person,
            principal_arn=vote.principal_arn,
            comment=vote.comment,
        )
        for each in told
    ]
    return await change(desk, before, values, deeds)


def _in_charge(rules: Rulebook, request: AccessRequest) -> tuple[ApprovalPolicy, ApprovalRule]:
    principal = requester(request)
    policy = rules.policy
    rule = None if policy is None else route(policy, principal, request.profile, rules.home(principal))
    if policy is None or rule is None:
        raise RequestRefused(
            f"no approval rule is about user {request.user!r} and "
            f"profile {request.profile!r}, so nobody may approve"
        )
    return policy, rule


def _check_approver(
    desk: Desk, rules: Rulebook, request: AccessRequest, who: Principal, do: Literal["approve", "deny"]
) -> None:
    policy, rule = _in_charge(rules, request)
    asker = identities(request.principal_arn, request.person, desk.persons)
    if asker & {who.person, desk.persons.key(who)}:
        raise RequestRefused(
            f"request {request.id} is your own, and nobody decides about their own",
            hint=f"an approver of rule '{rule.name}' runs: sentinel {do} {request.id}; "
            f"or take it back: sentinel cancel {request.id}",
        )
    if not may_approve(policy, rule, who, rules.home(requester(request))):
        raise RequestRefused(
            f"{who.name} may not {do} requests for {request.profile}: rule '{rule.name}' does not list them"
        )


def _is_of(desk: Desk, vote: Vote, who: Principal) -> bool:
    return bool({who.person, desk.persons.key(who)} & {vote.person, desk.persons.joined(vote.person)})


def _tally(
    desk: Desk,
    rules: Rulebook,
    policy: ApprovalPolicy,
    rule: ApprovalRule,
    request: AccessRequest,
    now: datetime,
) -> Tally:
    home = rules.home(requester(request))
    return tally(request, policy, rule, now=now, home_account=home, persons=desk.persons, check=desk.check)
