"""Text becomes a policy here, or every reason why it cannot. What a policy does not define is a problem."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from sentinel_server.policy.conditions import KEYS as CONDITION_KEYS
from sentinel_server.policy.conditions import read_conditions
from sentinel_server.policy.events import Entries
from sentinel_server.policy.fields import Field, shown
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.names import read_groups
from sentinel_server.policy.outline import (
    HEADER_KEYS,
    LONGEST,
    SHORTEST,
    in_rules,
    read_accounts,
    read_name,
    read_outline,
    read_root,
    read_rules,
)
from sentinel_server.policy.report import Report
from sentinel_server.policy.schema import LEASES, Conditions, Effect, Lease, Override, Policy, Rule
from sentinel_server.policy.windows import TIME_KEYS

_KEYS = ("trusted_accounts", "groups", "rules")
TOP_KEYS = (*HEADER_KEYS, *_KEYS)
"""What a policy may say beside its rules."""
RULE_KEYS = (
    "name",
    "effect",
    "match",
    "conditions",
    "reason",
    "override",
    "max_duration",
    "max_server_duration",
    "max_lease",
    "enforce_lease",
    "session_table",
    "allow_unstamped",
)
"""What a rule may say."""
_RULE_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(CONDITION_KEYS, "it belongs under `conditions`"),
    **dict.fromkeys(TIME_KEYS, "it belongs under `conditions`, `time`"),
}
REASON_LIMIT = 500
"""Characters of a rule's reason."""
TABLE = re.compile(r"(?:arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[A-Za-z0-9_.-]{3,255}")
"""A DynamoDB table's name or ARN."""


def parse_policy(text: bytes | str, *, file: str) -> Policy:
    """The policy that `text` says; `file` is how problems name it.

    Raises InvalidPolicy, and nothing else, with every problem found.
    """
    report = Report(file=file)
    policy = read_policy(read_root(text, report))
    report.raise_any()
    return policy


def read_policy(field: Field) -> Policy:
    """The policy at `field`; its problems are in the report."""
    found = read_outline(field, DocumentKind.POLICY, _KEYS, elsewhere=in_rules(RULE_KEYS))
    accounts = read_accounts(found.get("trusted_accounts"))
    groups = read_groups(found.get("groups"))
    names = {group.name for group in groups}
    rules = read_rules(found.get("rules"), lambda each: _rule(each, names))
    return Policy(rules=rules, trusted_accounts=accounts, groups=groups)


def _rule(field: Field, groups: Collection[str]) -> tuple[str, Rule]:
    found = field.mapping(RULE_KEYS, required=("name", "effect"), elsewhere=_RULE_ELSEWHERE)
    name = read_name(found.get("name"))
    effect = found["effect"].word(Effect) if "effect" in found else None
    return name, Rule(
        name=name,
        effect=effect or Effect.DENY,
        conditions=_matcher(field, found, groups),
        reason=(found["reason"].prose(REASON_LIMIT) or "") if "reason" in found else "",
        override=_override(found["override"], effect) if "override" in found else Override.EMERGENCY,
        max_duration=_duration(found.get("max_duration")),
        max_server_duration=_duration(found.get("max_server_duration")),
        max_lease=_lease(found["max_lease"]) if "max_lease" in found else None,
        enforce_lease=found["enforce_lease"].flag() if "enforce_lease" in found else False,
        session_table=_table(found["session_table"]) if "session_table" in found else None,
        allow_unstamped=found["allow_unstamped"].flag() if "allow_unstamped" in found else False,
    )


def _matcher(rule: Field, found: Mapping[str, Field], groups: Collection[str]) -> Conditions:
    conditions = read_conditions(found["conditions"], groups) if "conditions" in found else Conditions()
    if "match" in found:
        if (text := found["match"].text()) not in (None, "any"):
            found["match"].problem(f"`{shown(text or '')}` is not `any`, which is all that `match` can be")
        if "conditions" in found:
            found["match"].problem("stands beside `conditions`", "keep one of the two")
    elif "conditions" not in found and isinstance(rule.node, Entries):
        rule.problem("has no `conditions`", "for a rule that always matches, write `match: any`")
    return conditions


def _override(field: Field, effect: Effect | None) -> Override:
    override = field.word(Override) or Override.EMERGENCY
    if effect not in (None, Effect.DENY):
        field.problem("says what lifts a denial, and this rule does not deny", "leave it out")
    return override


def _duration(field: Field | None) -> timedelta | None:
    return None if field is None else field.duration(low=SHORTEST, high=LONGEST)


def _lease(field: Field) -> Lease | None:
    text = field.text()
    if text is None or text in LEASES:
        return LEASES.get(text or "")
    if text[:1].isalpha():
        field.problem(
            f"`{shown(text)}` is not a lease", "write standard, strict, full or a duration of at least 60s"
        )
        return None
    span = field.duration(low=SHORTEST, high=LONGEST)
    return None if span is None else Lease(seconds=int(span.total_seconds()))


def _table(field: Field) -> str | None:
    text = field.text()
    if text is not None and not TABLE.fullmatch(text):
        field.problem(f"`{shown(text)}` is neither a DynamoDB table name nor a table's ARN")
    return text
