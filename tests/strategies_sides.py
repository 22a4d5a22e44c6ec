"""Hypothesis strategies for the documents beside access policies: legal, and small enough to collide."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule, AutoApproval
from sentinel_server.policy.bootstrap import Bootstrap, BootstrapProfile
from sentinel_server.policy.breakglass import (
    BreakGlassPolicy,
    BreakGlassRule,
    MfaMethod,
    MfaRequirement,
    ReasonCode,
)
from sentinel_server.policy.documents import Document
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.printing import print_policy
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule
from tests.strategies import (
    ACCOUNTS,
    GROUPS,
    PROFILES,
    durations,
    groups,
    lines,
    name_patterns,
    policies,
    user_entries,
    windows,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def profiles() -> st.SearchStrategy[tuple[str, ...]]:
    """Profiles, some by pattern, or none for every one."""
    return st.lists(name_patterns(PROFILES), max_size=3, unique=True).map(tuple)


def people(least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    """Entries of a list of people; its groups are those of `GROUPS`."""
    entries = user_entries() | st.sampled_from(GROUPS).map("group:{}".format)
    return st.lists(entries, min_size=least, max_size=3, unique=True).map(tuple)


def approval_rules() -> st.SearchStrategy[ApprovalRule]:
    """Rules that need one approval: a quorum has to fit the approvers."""
    auto = st.builds(
        AutoApproval,
        users=people(1),
        time=st.none() | windows(),
        max_duration=st.none() | durations(MINUTE, 8 * HOUR),
    )
    return st.builds(
        ApprovalRule,
        name=lines(),
        approvers=people(1),
        profiles=profiles(),
        requesters=people(),
        start_within=st.none() | durations(MINUTE, 7 * 24 * HOUR),
        max_duration=st.none() | durations(MINUTE, 8 * HOUR),
        auto_approve=st.none() | auto,
    )


def approval_policies() -> st.SearchStrategy[ApprovalPolicy]:
    """Approval policies of one to four rules."""
    return st.builds(
        ApprovalPolicy,
        rules=st.lists(approval_rules(), min_size=1, max_size=4, unique_by=lambda rule: rule.name).map(tuple),
        trusted_accounts=st.lists(st.sampled_from(ACCOUNTS), unique=True).map(tuple),
        groups=groups(),
    )


def breakglass_policies() -> st.SearchStrategy[BreakGlassPolicy]:
    """Break-glass policies of one to four rules."""
    methods = st.lists(st.sampled_from(MfaMethod), unique=True).map(tuple)
    rule = st.builds(
        BreakGlassRule,
        name=lines(),
        users=people(1),
        profiles=profiles(),
        reviewers=people(),
        allowed_reason_codes=st.lists(st.sampled_from(ReasonCode), unique=True).map(tuple),
        time=st.none() | windows(),
        max_duration=st.none() | durations(MINUTE, 4 * HOUR),
        mfa=st.none() | st.builds(MfaRequirement, methods=methods),
        ticket_pattern=st.none() | st.sampled_from(["OPS-[0-9]+", "INC.*", "#: '\"\\\\d"]),
    )
    return st.builds(
        BreakGlassPolicy,
        rules=st.lists(rule, min_size=1, max_size=4, unique_by=lambda rule: rule.name).map(tuple),
        trusted_accounts=st.lists(st.sampled_from(ACCOUNTS), unique=True).map(tuple),
        groups=groups(),
    )


def ratelimit_policies() -> st.SearchStrategy[RateLimitPolicy]:
    """Rate-limit policies of one to four rules, each with a limit, and with a window if it counts."""
    cooling = st.builds(
        RateLimitRule, name=lines(), profiles=profiles(), cooldown=durations(MINUTE, 90 * 24 * HOUR)
    )
    counts = st.integers(1, 1000)
    counting = st.builds(
        RateLimitRule,
        name=lines(),
        profiles=profiles(),
        max_per_user=counts,
        max_per_profile=st.none() | counts,
        escalation_threshold=st.none() | counts,
        quota_window=durations(MINUTE, 90 * 24 * HOUR),
    )
    rules = st.lists(cooling | counting, min_size=1, max_size=4, unique_by=lambda rule: rule.name)
    return st.builds(RateLimitPolicy, rules=rules.map(tuple))


def bootstraps() -> st.SearchStrategy[Bootstrap]:
    """Bootstrap configurations whose initial policies are policies, however they end."""
    texts = st.builds(
        lambda policy, end: print_policy(policy).rstrip("\n") + end,
        policies(),
        st.sampled_from(["", "\n", "\n\n"]),
    )

    def profile(name: str, description: str, text: str) -> BootstrapProfile:
        policy = parse_policy(text, file="p") if text else None
        return BootstrapProfile(name=name, description=description, initial_policy=policy, initial_text=text)

    named = st.builds(
        profile, st.sampled_from(["prod", "dev", "no", "3"]), st.just("") | lines(), st.just("") | texts
    )
    return st.builds(
        Bootstrap,
        policy_root=st.sampled_from(["/sentinel/policies", "/p"]),
        profiles=st.lists(named, min_size=1, max_size=3, unique_by=lambda each: each.name).map(tuple),
        generate_iam_policies=st.booleans(),
        region=st.sampled_from(["", "eu-central-1"]),
    )


def documents() -> st.SearchStrategy[Document]:
    """Documents of every kind."""
    return st.one_of(
        policies(), approval_policies(), breakglass_policies(), ratelimit_policies(), bootstraps()
    )
