"""Reads rate-limit policies. A rule that limits nothing, or counts in no window, is a problem."""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.policy.fields import Field
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.names import read_profiles
from sentinel_server.policy.outline import SHORTEST, in_rules, read_name, read_outline, read_rules
from sentinel_server.policy.ratelimit import LONGEST_WINDOW, RateLimitPolicy, RateLimitRule

RATELIMIT_KEYS = ("rules",)
"""What a rate-limit policy may say beside its header."""
LIMITS = ("cooldown", "max_per_user", "max_per_profile")
"""What limits; a rule has at least one."""
COUNTS = ("max_per_user", "max_per_profile", "escalation_threshold")
"""What counts within `quota_window`."""
RATELIMIT_RULE_KEYS = ("name", "profiles", *LIMITS, "quota_window", "escalation_threshold")
"""What its rules may say."""
MOST = 1000
"""The largest count."""


def read_ratelimit(field: Field) -> RateLimitPolicy:
    """The rate-limit policy at `field`; its problems are in the report."""
    found = read_outline(
        field, DocumentKind.RATELIMIT, RATELIMIT_KEYS, elsewhere=in_rules(RATELIMIT_RULE_KEYS)
    )
    return RateLimitPolicy(rules=read_rules(found.get("rules"), _rule))


def _rule(field: Field) -> tuple[str, RateLimitRule]:
    known = len(field.report.problems)
    found = field.mapping(RATELIMIT_RULE_KEYS, required=("name",))
    if len(field.report.problems) == known:
        _check(field, found)
    name = read_name(found.get("name"))
    return name, RateLimitRule(
        name=name,
        profiles=read_profiles(found.get("profiles")),
        cooldown=_duration(found.get("cooldown")),
        max_per_user=_count(found.get("max_per_user")),
        max_per_profile=_count(found.get("max_per_profile")),
        quota_window=_duration(found.get("quota_window")),
        escalation_threshold=_count(found.get("escalation_threshold")),
    )


def _check(field: Field, found: dict[str, Field]) -> None:
    counts = [key for key in COUNTS if key in found]
    if not found.keys() & set(LIMITS):
        field.problem("limits nothing", f"give it one of {', '.join(LIMITS)}")
    if counts and "quota_window" not in found:
        field.problem(f"counts for `{counts[0]}` in no `quota_window`", "say in which time, as in 24h")
    if "quota_window" in found and not counts:
        found["quota_window"].problem("is a window in which nothing is counted", "leave it out")


def _duration(field: Field | None) -> timedelta | None:
    return None if field is None else field.duration(low=SHORTEST, high=LONGEST_WINDOW)


def _count(field: Field | None) -> int | None:
    return None if field is None else field.number(low=1, high=MOST)
