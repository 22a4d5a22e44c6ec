"""JSON Schema for each kind of document, for editors. The parser knows more: it has the last word."""

from __future__ import annotations

from collections.abc import Callable

from sentinel_server.policy import read_approval, read_bootstrap, read_ratelimit
from sentinel_server.policy.breakglass import MfaMethod, ReasonCode
from sentinel_server.policy.conditions import OS_VERSION
from sentinel_server.policy.json_types import (
    ACCOUNTS,
    DURATION,
    FLAG,
    GROUPS,
    NAME,
    PROFILES,
    TEXT,
    USERS,
    WINDOW,
    Schema,
    any_of,
    describe,
    document,
    fitting,
    listed,
    mapping,
    number,
    words,
)
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.parse import TABLE
from sentinel_server.policy.schema import LEASES, OS_TYPES, Effect, Mode, Override

_SHARED: dict[str, Schema] = {
    "trusted_accounts": describe(ACCOUNTS, "The accounts in which a bare name means somebody."),
    "groups": describe(GROUPS, "Named lists of users, used as group:NAME."),
}


def json_schema(kind: DocumentKind) -> Schema:
    """The schema of one kind, draft 7. Whatever the parser accepts, it accepts."""
    return _SCHEMAS[kind]()


def _rules(rule: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": rule}


def _conditions() -> Schema:
    device = {
        "require_encryption": FLAG,
        "require_mdm": FLAG,
        "require_mdm_compliant": FLAG,
        "require_firewall": FLAG,
        "min_os_version": fitting(OS_VERSION, limit=64),
        "allowed_os_types": listed(words(OS_TYPES)),
        "max_posture_age": DURATION,
        "override": words((Override.EMERGENCY, Override.NONE)),
    }
    return mapping(
        {
            "profiles": describe(PROFILES, "Holds for these profiles; * and ? are wildcards."),
            "not_profiles": describe(PROFILES, "Holds for all profiles but these."),
            "users": describe(USERS, "Holds for these names, ARN patterns and groups."),
            "not_users": describe(USERS, "Holds for everybody but these."),
            "time": describe(WINDOW, "Holds while the window is open."),
            "mode": describe(listed(words(Mode)), "Holds at these doors."),
            "device": describe(mapping(device, minProperties=1), "Holds on a device that is all of this."),
        },
        minProperties=1,
    )


def _policy() -> Schema:
    lease = {"anyOf": [words(LEASES), DURATION]}
    rule = mapping(
        {
            "name": describe(NAME, "Unique in the policy."),
            "effect": describe(words(Effect), "What the rule decides when it matches."),
            "match": describe({"const": "any"}, "Instead of conditions: the rule always matches."),
            "conditions": describe(_conditions(), "All must hold."),
            "reason": describe(TEXT, "Shown to whoever is refused, and logged."),
            "override": describe(words(Override), "What may lift the denial."),
            "max_duration": describe(DURATION, "Of the credentials, through any door; 1m to 12h."),
            "max_server_duration": describe(DURATION, "The same, in server mode."),
            "max_lease": describe(lease, "How far ahead the expiry that SDKs are told may lie."),
            "enforce_lease": describe(FLAG, "AWS itself refuses after the lease's end."),
            "session_table": describe(fitting(TABLE), "The table that server sessions must be in."),
            "allow_unstamped": describe(FLAG, "Serve a profile that has no role to assume."),
        },
        required=("name", "effect"),
        oneOf=any_of("conditions", "match"),
        dependencies={"override": {"properties": {"effect": {"const": "deny"}}}},
    )
    return document("policy", "Sentinel access policy", {**_SHARED, "rules": _rules(rule)}, ["rules"])


def _approval() -> Schema:
    auto = mapping(
        {"users": USERS, "time": WINDOW, "max_duration": DURATION},
        required=("users",),
    )
    rule = mapping(
        {
            "name": NAME,
            "profiles": describe(PROFILES, "The profiles it is about; any unless given."),
            "requesters": describe(USERS, "Who may ask; anybody unless given."),
            "approvers": describe(USERS, "Who may agree, never to their own request."),
            "approvals_required": describe(
                number(1, read_approval.MOST_APPROVALS), "How many must agree; 1 unless given."
            ),
            "start_within": describe(DURATION, "How long an approved access may wait to begin."),
            "max_duration": describe(DURATION, "How long it may be; up to 8h."),
            "auto_approve": describe(auto, "What is approved without anybody."),
        },
        required=("name", "approvers"),
    )
    return document("approval", "Sentinel approval policy", {**_SHARED, "rules": _rules(rule)}, ["rules"])


def _breakglass() -> Schema:
    mfa = mapping({"required": FLAG, "methods": listed(words(MfaMethod))}, required=("required",))
    rule = mapping(
        {
            "name": NAME,
            "profiles": describe(PROFILES, "The profiles it is about; any unless given."),
            "users": describe(USERS, "Who may break the glass."),
            "reviewers": describe(USERS, "Who may close and review others' emergencies; else the users."),
            "allowed_reason_codes": describe(listed(words(ReasonCode)), "For what; anything unless given."),
            "time": describe(WINDOW, "When."),
            "max_duration": describe(DURATION, "For how long; up to 4h."),
            "mfa": describe(mfa, "A second factor."),
            "ticket_pattern": describe(TEXT, "What a ticket must look like, as a whole; then one is needed."),
        },
        required=("name", "users"),
    )
    return document(
        "breakglass", "Sentinel break-glass policy", {**_SHARED, "rules": _rules(rule)}, ["rules"]
    )


def _ratelimit() -> Schema:
    count = number(1, read_ratelimit.MOST)
    rule = mapping(
        {
            "name": NAME,
            "profiles": describe(PROFILES, "The profiles it is about; any unless given."),
            "cooldown": describe(DURATION, "The least time between two emergencies of one person."),
            "max_per_user": describe(count, "Emergencies of one person within the window."),
            "max_per_profile": describe(count, "Emergencies for one profile within the window."),
            "quota_window": describe(DURATION, "The time in which they are counted."),
            "escalation_threshold": describe(count, "From this many on, others are told."),
        },
        required=("name",),
        anyOf=any_of(*read_ratelimit.LIMITS),
        dependencies={key: ["quota_window"] for key in read_ratelimit.COUNTS},
    )
    return document("ratelimit", "Sentinel rate-limit policy", {"rules": _rules(rule)}, ["rules"])


def _bootstrap() -> Schema:
    parameter = fitting(read_bootstrap.PARAMETER, limit=read_bootstrap.PARAMETER_LIMIT)
    profile = mapping(
        {
            "name": fitting(read_bootstrap.PROFILE),
            "description": TEXT,
            "policy_parameter_name": describe(parameter, "Where its policy is stored."),
            "initial_policy": describe(
                {"type": "string", "minLength": 1}, "The text of a policy, as a block."
            ),
        },
        required=("name",),
    )
    properties = {
        "policy_root": describe(parameter, "The path under which policies are stored."),
        "profiles": {
            "type": "array",
            "minItems": 1,
            "maxItems": read_bootstrap.MOST_PROFILES,
            "items": profile,
        },
        "generate_iam_policies": FLAG,
        "region": fitting(read_bootstrap.REGION),
    }
    return document("bootstrap", "Sentinel bootstrap configuration", properties, ["policy_root", "profiles"])


_SCHEMAS: dict[DocumentKind, Callable[[], Schema]] = {
    DocumentKind.POLICY: _policy,
    DocumentKind.APPROVAL: _approval,
    DocumentKind.BREAKGLASS: _breakglass,
    DocumentKind.RATELIMIT: _ratelimit,
    DocumentKind.BOOTSTRAP: _bootstrap,
}
