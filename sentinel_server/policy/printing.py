"""A document as text. `parse_document` reads from it the very document that was printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.bootstrap import Bootstrap
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.policy.documents import Document
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.printing_sides import approval, bootstrap, breakglass, ratelimit
from sentinel_server.policy.ratelimit import RateLimitPolicy
from sentinel_server.policy.schema import Conditions, DeviceCondition, Override, Policy, Rule
from sentinel_server.policy.yaml_lines import below, items, listed, one, scalar, window


def print_document(document: Document) -> str:
    """YAML text of a document, with defaults left out and all that other YAML readers may mistake in quotes.

    All but access policies say their kind.
    """
    return "\n".join(('version: "1"', *_body(document))) + "\n"


def print_policy(policy: Policy) -> str:
    """The same for an access policy."""
    return print_document(policy)


def _body(document: Document) -> Iterator[str]:
    match document:
        case Policy():
            yield from _ruled(document, map(_rule, document.rules))
        case ApprovalPolicy():
            yield from one("kind", DocumentKind.APPROVAL)
            yield from _ruled(document, map(approval, document.rules))
        case BreakGlassPolicy():
            yield from one("kind", DocumentKind.BREAKGLASS)
            yield from _ruled(document, map(breakglass, document.rules))
        case RateLimitPolicy():
            yield from one("kind", DocumentKind.RATELIMIT)
            yield from items("rules", map(ratelimit, document.rules))
        case Bootstrap():
            yield from one("kind", DocumentKind.BOOTSTRAP)
            yield from bootstrap(document)
        case _:
            assert_never(document)


def _ruled(
    document: Policy | ApprovalPolicy | BreakGlassPolicy, rules: Iterable[Iterable[str]]
) -> Iterator[str]:
    yield from listed("trusted_accounts", document.trusted_accounts)
    if document.groups:
        yield from below(
            "groups",
            (line for group in document.groups for line in listed(scalar(group.name), group.users)),
        )
    yield from items("rules", rules)


def _rule(rule: Rule) -> Iterator[str]:
    yield from one("name", rule.name)
    yield from one("effect", rule.effect)
    if rule.conditions == Conditions():
        yield "match: any"
    else:
        yield from below("conditions", _conditions(rule.conditions))
    yield from one("reason", rule.reason)
    yield from one("override", None if rule.override is Override.EMERGENCY else rule.override)
    yield from one("max_duration", rule.max_duration)
    yield from one("max_server_duration", rule.max_server_duration)
    yield from one("max_lease", rule.max_lease)
    yield from one("enforce_lease", rule.enforce_lease)
    yield from one("session_table", rule.session_table)
    yield from one("allow_unstamped", rule.allow_unstamped)


def _conditions(conditions: Conditions) -> Iterator[str]:
    yield from listed("profiles", conditions.profiles)
    yield from listed("not_profiles", conditions.not_profiles)
    yield from listed("users", conditions.users)
    yield from listed("not_users", conditions.not_users)
    if conditions.time is not None:
        yield from below("time", window(conditions.time))
    yield from listed("mode", conditions.modes)
    if conditions.device is not None:
        yield from below("device", _device(conditions.device))


def _device(device: DeviceCondition) -> Iterator[str]:
    yield from one("require_encryption", device.require_encryption)
    yield from one("require_mdm", device.require_mdm)
    yield from one("require_mdm_compliant", device.require_mdm_compliant)
    yield from one("require_firewall", device.require_firewall)
    yield from one("min_os_version", device.min_os_version)
    yield from listed("allowed_os_types", device.allowed_os_types)
    yield from one("max_posture_age", device.max_posture_age)
    yield from one("override", None if device.override is Override.EMERGENCY else device.override)
