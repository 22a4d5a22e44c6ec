"""Text becomes a policy here, or every reason why it cannot. What a policy does not define is a problem."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from sentinel_server.policy.conditions import KEYS as CONDITION_KEYS
from sentinel_server.policy.conditions import read_conditions
from sentinel_server.policy.events import START, Entries, Node, Unreadable, read_tree
from sentinel_server.policy.fields import Field, shown
from sentinel_server.policy.names import read_groups
from sentinel_server.policy.report import Report
from sentinel_server.policy.schema import LEASES, Conditions, Effect, Lease, Override, Policy, Rule
from sentinel_server.policy.windows import TIME_KEYS

SHORTEST = timedelta(minutes=1)
"""The smallest duration or lease a rule may set; below STS's 900 s a session policy enforces it."""
LONGEST = timedelta(hours=12)
"""STS's own ceiling: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html."""

TOP_KEYS = ("version", "kind", "trusted_accounts", "groups", "rules")
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
_TOP_ELSEWHERE: Mapping[str, str] = dict.fromkeys(RULE_KEYS, "it belongs to a rule, under `rules`")
_RULE_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(CONDITION_KEYS, "it belongs under `conditions`"),
    **dict.fromkeys(TIME_KEYS, "it belongs under `conditions`, `time`"),
}
_TABLE = re.compile(r"(?:arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:[0-9]{12}:table/)?[A-Za-z0-9_.-]{3,255}")


def parse_policy(text: bytes | str, *, file: str) -> Policy:
    """The policy that `text` says; `file` is how problems name it.

    Raises InvalidPolicy, and nothing else, with every problem found.
    """
    report = Report(file=file)
    policy = _policy(Field(node=_tree(text, report), path="", report=report))
    report.raise_any()
    return policy


def _tree(text: bytes | str, report: Report) -> Node:
    try:
        if (tree := read_tree(text)) is not None:
            return tree
        report.add(START, "", "is empty", "write a policy: see docs/policy.md")
    except Unreadable as error:
        report.add(error.mark, "", error.message, error.suggestion)
    raise report.error()


def _policy(field: Field) -> Policy:
    found = field.mapping(TOP_KEYS, required=("version", "rules"), elsewhere=_TOP_ELSEWHERE)
    if "version" in found and (version := found["version"].text()) not in (None, "1"):
        found["version"].problem(
            f"`{shown(version or '')}` is not a version of policies", 'write `version: "1"`'
        )
    if "kind" in found and (kind := found["kind"].text()) not in (None, "policy"):
        found["kind"].problem(
            f"`{shown(kind or '')}` is not an access policy",
            "an access policy says `kind: policy` or nothing",
        )
    accounts = found["trusted_accounts"].distinct(_account) if "trusted_accounts" in found else ()
    groups = read_groups(found.get("groups"))
    names = {group.name for group in groups}
    rules = _rules(found["rules"], names) if "rules" in found else ()
    return Policy(rules=rules, trusted_accounts=accounts, groups=groups)


def _rules(field: Field, groups: Collection[str]) -> tuple[Rule, ...]:
    rules = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(field.entries("a policy has at least one rule")):
        rule = _rule(entry, groups)
        if rule.name and rule.name in seen:
            entry.problem(
                f"another rule is named `{rule.name}`, rules[{seen[rule.name]}]", "give each its own name"
            )
        seen.setdefault(rule.name, index)
        rules.append(rule)
    return tuple(rules)


def _rule(field: Field, groups: Collection[str]) -> Rule:
    found = field.mapping(RULE_KEYS, required=("name", "effect"), elsewhere=_RULE_ELSEWHERE)
    name = found["name"].text() if "name" in found else None
    if name is not None and len(name) > 128:
        found["name"].problem("is longer than 128 characters")
    effect = found["effect"].word(Effect) if "effect" in found else None
    return Rule(
        name=name or "",
        effect=effect or Effect.DENY,
        conditions=_matcher(field, found, groups),
        reason=(found["reason"].prose(500) or "") if "reason" in found else "",
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
    if text is not None and not _TABLE.fullmatch(text):
        field.problem(f"`{shown(text)}` is neither a DynamoDB table name nor a table's ARN")
    return text


def _account(field: Field) -> str | None:
    text = field.text()
    if text is not None and not re.fullmatch("[0-9]{12}", text):
        field.problem(f"`{shown(text)}` is not an account id, which has 12 digits")
    return text
