"""Reads break-glass policies."""

from __future__ import annotations

import re
from collections.abc import Collection

from sentinel_server.policy.breakglass import (
    LONGEST_EMERGENCY,
    BreakGlassPolicy,
    BreakGlassRule,
    MfaMethod,
    MfaRequirement,
    ReasonCode,
)
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
from sentinel_server.policy.windows import read_window

BREAKGLASS_KEYS = ("trusted_accounts", "groups", "rules")
"""What a break-glass policy may say beside its header."""
BREAKGLASS_RULE_KEYS = (
    *("name", "profiles", "users", "reviewers", "allowed_reason_codes", "time", "max_duration", "mfa"),
    "ticket_pattern",
)
"""What its rules may say."""
MFA_KEYS = ("required", "methods")
"""What may be said of a second factor."""


def read_breakglass(field: Field) -> BreakGlassPolicy:
    """The break-glass policy at `field`; its problems are in the report."""
    found = read_outline(
        field, DocumentKind.BREAKGLASS, BREAKGLASS_KEYS, elsewhere=in_rules(BREAKGLASS_RULE_KEYS)
    )
    groups = read_groups(found.get("groups"))
    names = {group.name for group in groups}
    return BreakGlassPolicy(
        rules=read_rules(found.get("rules"), lambda each: _rule(each, names)),
        trusted_accounts=read_accounts(found.get("trusted_accounts")),
        groups=groups,
    )


def _rule(field: Field, groups: Collection[str]) -> tuple[str, BreakGlassRule]:
    found = field.mapping(
        BREAKGLASS_RULE_KEYS,
        required=("name", "users"),
        elsewhere={"reason_codes": "it is called `allowed_reason_codes`"},
    )
    name = read_name(found.get("name"))
    codes = found.get("allowed_reason_codes")
    longest = found.get("max_duration")
    return name, BreakGlassRule(
        name=name,
        users=read_users(found.get("users"), groups),
        reviewers=read_users(found.get("reviewers"), groups),
        profiles=read_profiles(found.get("profiles")),
        allowed_reason_codes=codes.distinct(lambda each: each.word(ReasonCode)) if codes else (),
        time=read_window(found["time"]) if "time" in found else None,
        max_duration=longest.duration(low=SHORTEST, high=LONGEST_EMERGENCY) if longest else None,
        mfa=_mfa(found["mfa"]) if "mfa" in found else None,
        ticket_pattern=_pattern(found["ticket_pattern"]) if "ticket_pattern" in found else None,
    )


def _pattern(field: Field) -> str | None:
    text = field.text()
    try:
        re.compile(text or "")
    except (re.error, OverflowError, RecursionError) as error:
        field.problem(f"is no regular expression: {error}")
        return None
    return text


def _mfa(field: Field) -> MfaRequirement | None:
    known = len(field.report.problems)
    found = field.mapping(MFA_KEYS, required=("required",))
    methods = found["methods"].distinct(lambda each: each.word(MfaMethod)) if "methods" in found else ()
    if "required" in found and found["required"].flag():
        return MfaRequirement(methods=methods)
    if methods and len(field.report.problems) == known:
        field.problem("lists methods and requires none", "write `required: true`, or leave `mfa` out")
    return None
