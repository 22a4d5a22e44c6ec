"""The rules of side policies, and bootstrap configurations, as lines of YAML."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sentinel_server.policy.approval import ApprovalRule
from sentinel_server.policy.bootstrap import Bootstrap, BootstrapProfile
from sentinel_server.policy.breakglass import BreakGlassRule
from sentinel_server.policy.ratelimit import RateLimitRule
from sentinel_server.policy.yaml_lines import below, items, listed, one, window


def approval(rule: ApprovalRule) -> Iterator[str]:
    """The lines of one rule."""
    yield from one("name", rule.name)
    yield from listed("profiles", rule.profiles)
    yield from listed("requesters", rule.requesters)
    yield from listed("approvers", rule.approvers)
    yield from one("approvals_required", rule.approvals_required if rule.approvals_required > 1 else None)
    yield from one("start_within", rule.start_within)
    yield from one("max_duration", rule.max_duration)
    if (auto := rule.auto_approve) is not None:
        lines = [*listed("users", auto.users)]
        if auto.time is not None:
            lines += below("time", window(auto.time))
        yield from below("auto_approve", [*lines, *one("max_duration", auto.max_duration)])


def breakglass(rule: BreakGlassRule) -> Iterator[str]:
    """The lines of one rule."""
    yield from one("name", rule.name)
    yield from listed("profiles", rule.profiles)
    yield from listed("users", rule.users)
    yield from listed("reviewers", rule.reviewers)
    yield from listed("allowed_reason_codes", rule.allowed_reason_codes)
    if rule.time is not None:
        yield from below("time", window(rule.time))
    yield from one("max_duration", rule.max_duration)
    if rule.mfa is not None:
        yield from below("mfa", ("required: true", *listed("methods", rule.mfa.methods)))
    yield from one("ticket_pattern", rule.ticket_pattern)


def ratelimit(rule: RateLimitRule) -> Iterator[str]:
    """The lines of one rule."""
    yield from one("name", rule.name)
    yield from listed("profiles", rule.profiles)
    yield from one("cooldown", rule.cooldown)
    yield from one("max_per_user", rule.max_per_user)
    yield from one("max_per_profile", rule.max_per_profile)
    yield from one("escalation_threshold", rule.escalation_threshold)
    yield from one("quota_window", rule.quota_window)


def bootstrap(document: Bootstrap) -> Iterator[str]:
    """The lines of a configuration."""
    yield from one("policy_root", document.policy_root)
    yield from one("region", document.region)
    yield from one("generate_iam_policies", document.generate_iam_policies)
    yield from items("profiles", map(_profile, document.profiles))


def _profile(profile: BootstrapProfile) -> Iterator[str]:
    yield from one("name", profile.name)
    yield from one("description", profile.description)
    yield from one("policy_parameter_name", profile.policy_parameter_name)
    if profile.initial_text:
        yield from _text("initial_policy", profile.initial_text)


def _text(key: str, text: str) -> Iterator[str]:
    """A block where a block says exactly that, else one line in quotes."""
    *lines, end = text.split("\n")
    printable = all(line.isprintable() and (not line or line.strip()) for line in lines)
    if lines and not end and printable and lines[0][:1].strip() and lines[-1]:
        yield f"{key}: |"
        yield from (f"  {line}" if line else "" for line in lines)
    else:
        yield f"{key}: {json.dumps(text, ensure_ascii=False)}"
