"""Reads approval policies. An approval that nobody could give, or that everybody gets, is a problem."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule, AutoApproval
from sentinel_server.policy.fields import Field
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.names import read_groups, read_profiles, read_users
from sentinel_server.policy.outline import (
    SHORTEST,
    in_rules,
    read_accounts,
    read_name,
    read_outline,
    read_rules,
)
from sentinel_server.policy.schema import Group, expand
from sentinel_server.policy.windows import read_window

APPROVAL_KEYS = ("trusted_accounts", "groups", "rules")
"""What an approval policy may say beside its header."""
APPROVAL_RULE_KEYS = (
    "name",
    "profiles",
    "requesters",
    "approvers",
    "approvals_required",
    "start_within",
    "max_duration",
    "auto_approve",
)
"""What its rules may say."""
AUTO_KEYS = ("users", "time", "max_duration")
"""What may bound an approval without approvers."""
LONGEST_REQUEST = timedelta(hours=8)
"""The longest access that can be asked for."""
LONGEST_WAIT = timedelta(days=7)
"""The longest that an approved access may wait to begin."""
MOST_APPROVALS = 10
"""The largest quorum."""
_ELSEWHERE: Mapping[str, str] = {
    "users": "who may ask is `requesters`, who agrees is `approvers`",
    "time": "it belongs under `auto_approve`",
    "quorum": "it is called `approvals_required`",
}


def read_approval(field: Field) -> ApprovalPolicy:
    """The approval policy at `field`; its problems are in the report."""
    found = read_outline(field, DocumentKind.APPROVAL, APPROVAL_KEYS, elsewhere=in_rules(APPROVAL_RULE_KEYS))
    groups = read_groups(found.get("groups"))
    return ApprovalPolicy(
        rules=read_rules(found.get("rules"), lambda each: _rule(each, groups)),
        trusted_accounts=read_accounts(found.get("trusted_accounts")),
        groups=groups,
    )


def _rule(field: Field, groups: tuple[Group, ...]) -> tuple[str, ApprovalRule]:
    found = field.mapping(APPROVAL_RULE_KEYS, required=("name", "approvers"), elsewhere=_ELSEWHERE)
    names = {group.name for group in groups}
    name = read_name(found.get("name"))
    rule = ApprovalRule(
        name=name,
        approvers=read_users(found.get("approvers"), names),
        approvals_required=_required(found.get("approvals_required")),
        profiles=read_profiles(found.get("profiles")),
        requesters=read_users(found.get("requesters"), names),
        start_within=_duration(found.get("start_within"), LONGEST_WAIT),
        max_duration=_duration(found.get("max_duration"), LONGEST_REQUEST),
        auto_approve=_auto(found["auto_approve"], names) if "auto_approve" in found else None,
    )
    people = _people(rule.approvers, groups)
    if people is not None and people < rule.approvals_required:
        found["approvals_required"].problem(
            f"{rule.approvals_required} approvals are required of {people} approvers", "name more of them"
        )
    return name, rule


def _people(approvers: tuple[str, ...], groups: tuple[Group, ...]) -> int | None:
    """How many may approve; None when a pattern may mean any number, or a group is unknown."""
    try:
        listed = expand(approvers, groups)
    except KeyError:
        return None
    return None if not listed or any("*" in each or "?" in each for each in listed) else len(listed)


def _auto(field: Field, groups: Collection[str]) -> AutoApproval:
    found = field.mapping(AUTO_KEYS)
    if "users" not in found:
        field.problem("names no `users`, so everybody would approve themselves", "say whom you mean")
    return AutoApproval(
        users=read_users(found.get("users"), groups),
        time=read_window(found["time"]) if "time" in found else None,
        max_duration=_duration(found.get("max_duration"), LONGEST_REQUEST),
    )


def _required(field: Field | None) -> int:
    return 1 if field is None else field.number(low=1, high=MOST_APPROVALS) or 1


def _duration(field: Field | None, longest: timedelta) -> timedelta | None:
    return None if field is None else field.duration(low=SHORTEST, high=longest)
