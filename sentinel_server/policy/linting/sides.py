"""What can be said of the documents beside access policies.

What is said of rules of access policies is said of theirs by the same checks, on two access policies that
stand for them: one means what decides which rule applies, one holds their people and windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from itertools import chain
from typing import assert_never

from sentinel_server.frozen import frozen
from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule, AutoApproval
from sentinel_server.policy.breakglass import BreakGlassPolicy, BreakGlassRule
from sentinel_server.policy.linting import single
from sentinel_server.policy.linting.codes import Code
from sentinel_server.policy.linting.findings import Finding, Subject
from sentinel_server.policy.linting.order import unreachable
from sentinel_server.policy.linting.places import Places
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule
from sentinel_server.policy.schema import Conditions, Effect, Policy, Rule, TimeWindow

SideDocument = ApprovalPolicy | BreakGlassPolicy | RateLimitPolicy
_Rule = ApprovalRule | BreakGlassRule | RateLimitRule


@frozen
class _Drawn:
    """A rule of any kind by what the common checks look at; lists of people and the window by their place."""

    name: str
    profiles: tuple[str, ...]
    requesters: tuple[str, ...] = ()
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    window: TimeWindow | None = None
    window_at: str = ""


def sides(document: SideDocument, places: Places, now: datetime) -> Iterator[Finding]:
    """All findings about one document, in no order."""
    rules: Sequence[_Rule] = document.rules
    drawn = [_drawn(rule) for rule in rules]
    order, people = (_standing(document, drawn, places, now, each) for each in (_deciding, _holding))
    yield from single.groups(people)
    for index, rule in enumerate(rules):
        if (finding := unreachable(order, index)) is not None:
            yield finding
        for below, entries in drawn[index].people.items():
            yield from single.nobody(people, entries, f"rules[{index}]{below}", rule.name)
        yield from single.windows(people, index, drawn[index].window_at)
        match rule:
            case ApprovalRule():
                yield from _approval(order, index, rule)
            case BreakGlassRule():
                yield from _breakglass(order, index, rule)
            case RateLimitRule():
                yield from _ratelimit(order, index, rule)
            case _:
                assert_never(rule)


def _drawn(rule: _Rule) -> _Drawn:
    match rule:
        case ApprovalRule():
            auto = rule.auto_approve
            return _Drawn(
                name=rule.name,
                profiles=rule.profiles,
                requesters=rule.requesters,
                people={
                    ".approvers": rule.approvers,
                    ".requesters": rule.requesters,
                    ".auto_approve.users": () if auto is None else auto.users,
                },
                window=None if auto is None else auto.time,
                window_at=".auto_approve.time",
            )
        case BreakGlassRule():
            return _Drawn(
                name=rule.name,
                profiles=rule.profiles,
                people={".users": rule.users, ".reviewers": rule.reviewers},
                window=rule.time,
                window_at=".time",
            )
        case RateLimitRule():
            return _Drawn(name=rule.name, profiles=rule.profiles)
        case _:
            assert_never(rule)


def _deciding(drawn: _Drawn) -> Conditions:
    """What decides whether the rule applies."""
    return Conditions(profiles=drawn.profiles, users=drawn.requesters)


def _holding(drawn: _Drawn) -> Conditions:
    """Everybody whom the rule names, and its window."""
    return Conditions(users=tuple(chain.from_iterable(drawn.people.values())), time=drawn.window)


def _standing(
    document: SideDocument,
    drawn: Sequence[_Drawn],
    places: Places,
    now: datetime,
    conditions: Callable[[_Drawn], Conditions],
) -> Subject:
    rules = tuple(
        Rule(name=each.name, effect=Effect.REQUIRE_APPROVAL, conditions=conditions(each)) for each in drawn
    )
    if isinstance(document, RateLimitPolicy):
        return Subject(Policy(rules=rules), places, now)
    accounts, groups = document.trusted_accounts, document.groups
    return Subject(Policy(rules=rules, trusted_accounts=accounts, groups=groups), places, now)


def _approval(subject: Subject, index: int, rule: ApprovalRule) -> Iterator[Finding]:
    if not rule.profiles:
        yield subject.about_rule(Code.EVERY_PROFILE, index, "whoever may approve by it may for every profile")
    if rule.auto_approve is not None and (message := _broad(rule.auto_approve)):
        yield subject.about_rule(Code.BROAD_AUTO_APPROVAL, index, message, below=".auto_approve")


def _broad(auto: AutoApproval) -> str:
    anybody = next((each for each in auto.users if not each.strip("*?")), None)
    if anybody is not None:
        return f"`{anybody}` approves everybody's requests without anybody"
    if auto.time is None and auto.max_duration is None:
        return "it approves at any time and for any duration without anybody"
    return ""


def _breakglass(subject: Subject, index: int, rule: BreakGlassRule) -> Iterator[Finding]:
    if not rule.profiles:
        yield subject.about_rule(Code.EVERY_PROFILE, index, "it lets the glass be broken for every profile")
    if not rule.allowed_reason_codes:
        yield subject.about_rule(Code.ANY_REASON, index, "it takes any reason code")
    if rule.mfa is None:
        yield subject.about_rule(Code.NO_SECOND_FACTOR, index, "it asks for no second factor")


def _ratelimit(subject: Subject, index: int, rule: RateLimitRule) -> Iterator[Finding]:
    if not rule.profiles:
        yield subject.about_rule(Code.LIMITS_EVERY_PROFILE, index, "it limits every profile that comes to it")
    threshold, limit = rule.escalation_threshold, rule.max_per_user
    if threshold is not None and limit is not None and threshold > limit:
        yield subject.about_rule(
            Code.NEVER_ESCALATES,
            index,
            f"its {threshold} of a person are never reached: `max_per_user` refuses after {limit}",
            below=".escalation_threshold",
        )
