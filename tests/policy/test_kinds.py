"""The other kinds of document: what each may say, and how a document's kind is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy.approval import ApprovalPolicy, ApprovalRule, AutoApproval
from sentinel_server.policy.bootstrap import Bootstrap, BootstrapProfile
from sentinel_server.policy.breakglass import (
    BreakGlassPolicy,
    BreakGlassRule,
    MfaMethod,
    MfaRequirement,
    ReasonCode,
)
from sentinel_server.policy.documents import Document, parse_document
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule
from sentinel_server.policy.schema import Day, Group, Hours, Policy, TimeWindow

APPROVAL = """\
version: "1"
kind: approval
trusted_accounts: [111122223333]
groups:
  leads: [alice, bob]
rules:
  - name: production
    profiles: ["prod*"]
    requesters: ["*@example.com"]
    approvers: [group:leads, carol]
    approvals_required: 2
    start_within: 1d
    max_duration: 2h
    auto_approve:
      users: [dave]
      time: {hours: {start: 09:00, end: 17:00}}
      max_duration: 1h
"""
BREAKGLASS = """\
version: "1"
kind: breakglass
trusted_accounts: [111122223333]
groups: {oncall: [alice]}
rules:
  - name: emergencies
    profiles: [prod]
    users: [group:oncall]
    allowed_reason_codes: [incident, security]
    time: {days: [sunday]}
    max_duration: 1h
    mfa: {required: true, methods: [totp]}
    ticket_pattern: "OPS-[0-9]+"
"""
RATELIMIT = """\
version: "1"
kind: ratelimit
rules:
  - name: all
    profiles: ["*"]
    cooldown: 30m
    max_per_user: 3
    max_per_profile: 10
    quota_window: 24h
    escalation_threshold: 2
"""
BOOTSTRAP = """\
version: "1"
kind: bootstrap
policy_root: /sentinel/policies
generate_iam_policies: true
region: eu-central-1
profiles:
  - name: prod
    description: production
    policy_parameter_name: /sentinel/policies/live
    initial_policy: |
      version: "1"
      rules:
        - {name: nobody, effect: deny, match: any}
  - name: dev
"""
POLICY = 'version: "1"\nkind: policy\nrules: [{name: nobody, effect: deny, match: any}]\n'
TEXTS = {
    DocumentKind.POLICY: POLICY,
    DocumentKind.APPROVAL: APPROVAL,
    DocumentKind.BREAKGLASS: BREAKGLASS,
    DocumentKind.RATELIMIT: RATELIMIT,
    DocumentKind.BOOTSTRAP: BOOTSTRAP,
}


def read(text: str, kind: DocumentKind | None = None) -> Document:
    """The document that a text says."""
    return parse_document(text, file="d.yaml", kind=kind)


def problem(text: str, kind: DocumentKind | None = None) -> str:
    """The one problem of a text that is no document."""
    with pytest.raises(InvalidPolicy) as caught:
        read(text, kind)
    (only,) = caught.value.problems
    return str(only)


def approval(line: str) -> str:
    """An approval policy of one rule with this in it."""
    return f"version: 1\nkind: approval\nrules:\n  - name: a\n    {line}\n"


def emergency(line: str) -> str:
    """A break-glass policy of one rule with this in it."""
    return f"version: 1\nkind: breakglass\nrules:\n  - name: a\n    users: [alice]\n    {line}\n"


def limit(line: str) -> str:
    """A rate-limit policy of one rule with this in it."""
    return f"version: 1\nkind: ratelimit\nrules:\n  - name: a\n    {line}\n"


def setup(line: str) -> str:
    """A bootstrap configuration with this in it."""
    return f"version: 1\nkind: bootstrap\npolicy_root: /a\n{line}\n"


def test_an_approval_policy_with_every_key_is_read() -> None:
    rule = ApprovalRule(
        name="production",
        profiles=("prod*",),
        requesters=("*@example.com",),
        approvers=("group:leads", "carol"),
        approvals_required=2,
        start_within=timedelta(days=1),
        max_duration=timedelta(hours=2),
        auto_approve=AutoApproval(
            users=("dave",),
            time=TimeWindow(hours=Hours(start=540, end=1020)),
            max_duration=timedelta(hours=1),
        ),
    )
    groups = (Group(name="leads", users=("alice", "bob")),)
    assert read(APPROVAL) == ApprovalPolicy(rules=(rule,), trusted_accounts=("111122223333",), groups=groups)


def test_a_break_glass_policy_with_every_key_is_read() -> None:
    rule = BreakGlassRule(
        name="emergencies",
        profiles=("prod",),
        users=("group:oncall",),
        allowed_reason_codes=(ReasonCode.INCIDENT, ReasonCode.SECURITY),
        time=TimeWindow(days=(Day.SUNDAY,)),
        max_duration=timedelta(hours=1),
        mfa=MfaRequirement(methods=(MfaMethod.TOTP,)),
        ticket_pattern="OPS-[0-9]+",
    )
    groups = (Group(name="oncall", users=("alice",)),)
    assert read(BREAKGLASS) == BreakGlassPolicy(
        rules=(rule,), trusted_accounts=("111122223333",), groups=groups
    )


def test_a_rate_limit_policy_with_every_key_is_read() -> None:
    rule = RateLimitRule(
        name="all",
        profiles=("*",),
        cooldown=timedelta(minutes=30),
        max_per_user=3,
        max_per_profile=10,
        quota_window=timedelta(hours=24),
        escalation_threshold=2,
    )
    assert read(RATELIMIT) == RateLimitPolicy(rules=(rule,))


def test_a_bootstrap_configuration_with_every_key_is_read() -> None:
    initial = 'version: "1"\nrules:\n  - {name: nobody, effect: deny, match: any}\n'
    prod = BootstrapProfile(
        name="prod",
        description="production",
        policy_parameter_name="/sentinel/policies/live",
        initial_policy=parse_policy(initial, file="i"),
        initial_text=initial,
    )
    assert read(BOOTSTRAP) == Bootstrap(
        policy_root="/sentinel/policies",
        profiles=(prod, BootstrapProfile(name="dev")),
        generate_iam_policies=True,
        region="eu-central-1",
    )


@pytest.mark.parametrize("kind", DocumentKind)
def test_a_kind_is_told_by_its_header_or_by_what_only_it_can_say(kind: DocumentKind) -> None:
    headless = TEXTS[kind].replace(f"kind: {kind.value}\n", "")
    assert read(TEXTS[kind]) == read(headless) == read(headless, kind)


@pytest.mark.parametrize("kind", DocumentKind)
def test_a_header_must_fit_the_kind_that_was_asked_for(kind: DocumentKind) -> None:
    other = DocumentKind.RATELIMIT if kind is DocumentKind.POLICY else DocumentKind.POLICY
    with pytest.raises(InvalidPolicy) as caught:
        read(TEXTS[kind], other)
    assert f"`{kind.value}` is not {other.words}" in caught.value.message


@pytest.mark.parametrize("kind", DocumentKind)
@pytest.mark.parametrize("version", ["2", "99", ""])
def test_every_kind_has_the_one_version(kind: DocumentKind, version: str) -> None:
    said = problem(TEXTS[kind].replace('version: "1"', f"version: {version}", 1))
    assert "version: " in said


@pytest.mark.parametrize("kind", DocumentKind)
def test_no_kind_takes_a_key_it_does_not_know(kind: DocumentKind) -> None:
    said = problem(TEXTS[kind] + "extra: 1\n")
    assert "unknown key `extra`; known here: version, kind, " in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nrules: [{name: a, users: [b]}]", "does not say what kind of document it is"),
        ("a", "does not say what kind of document it is; write `kind:` at the top, one of policy, approval"),
        (
            "version: 1\nrules: [{name: a, effect: allow, approvers: [b]}]",
            "could be an access policy or an approval policy; write `kind:` at the top",
        ),
        ("kind: polcy", "`polcy` is not one of policy, approval"),
        ("kind: [policy]", "kind: is a list where text is expected"),
        ("", "is empty"),
    ],
)
def test_a_kind_that_cannot_be_told_is_asked_for(text: str, said: str) -> None:
    assert said in problem(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("profiles: [prod]", "rules[0]: `approvers` is missing"),
        ("approvers: []", "approvers: is an empty list"),
        ("approvers: [group:leads]", "no group is named `leads`"),
        ("approvers: [a]\n    approvals_required: 2", "2 approvals are required of 1 approvers"),
        ("approvers: [a]\n    approvals_required: 0", "0 is not from 1 to 10"),
        ("approvers: ['*']\n    approvals_required: two", "`two` is not a whole number"),
        ("approvers: [a]\n    max_duration: 9h", "9h is not from 1m to 8h"),
        ("approvers: [a]\n    start_within: 8d", "8d is not from 1m to 7d"),
        ("approvers: [a]\n    auto_approve: {max_duration: 1h}", "names no `users`, so everybody would"),
        ("approvers: [a]\n    auto_approve: {users: []}", "auto_approve.users: is an empty list"),
        (
            "approvers: [a]\n    auto_approve: {user: [b], users: [b]}",
            "unknown key `user`; did you mean `users`?",
        ),
        ("approvers: [a]\n    users: [b]", "unknown key `users`; who may ask is `requesters`"),
    ],
)
def test_an_approval_that_nobody_or_everybody_could_give_is_refused(line: str, said: str) -> None:
    assert said in problem(approval(line))


def test_a_pattern_of_approvers_may_mean_as_many_as_it_takes() -> None:
    policy = read(approval("approvers: ['*@example.com']\n    approvals_required: 10"))
    assert isinstance(policy, ApprovalPolicy)
    assert policy.rules[0].approvals_required == 10


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("max_duration: 4h1s", "is not from 1m to 4h"),
        ("allowed_reason_codes: [on_call]", "`on_call` is not one of incident, maintenance"),
        ("reason_codes: [incident]", "it is called `allowed_reason_codes`"),
        ("mfa: {methods: [totp]}", "mfa: `required` is missing"),
        ("mfa: {required: false, methods: [totp]}", "lists methods and requires none"),
        ("mfa: {required: true, methods: [email]}", "`email` is not one of totp, sms"),
        ("time: {hours: {start: 22:00, end: 22:00}}", "starts when it ends"),
        ("ticket_pattern: 'OPS-[0-9'", "is no regular expression: unterminated character set"),
        ("ticket_pattern: ''", "is empty"),
        ("ticket_pattern: [OPS]", "ticket_pattern"),
    ],
)
def test_an_emergency_of_no_sense_is_refused(line: str, said: str) -> None:
    assert said in problem(emergency(line))


def test_a_second_factor_that_is_not_required_is_none() -> None:
    policy = read(emergency("mfa: {required: false}"))
    assert isinstance(policy, BreakGlassPolicy)
    assert policy.rules[0].mfa is None


def test_a_break_glass_rule_for_everybody_is_refused() -> None:
    assert "`users` is missing" in problem(emergency("").replace("users: [alice]", "profiles: [a]"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("profiles: [a]", "limits nothing; give it one of cooldown, max_per_user, max_per_profile"),
        ("max_per_user: 3", "counts for `max_per_user` in no `quota_window`"),
        (
            "cooldown: 1h\n    escalation_threshold: 1",
            "counts for `escalation_threshold` in no `quota_window`",
        ),
        ("cooldown: 1h\n    quota_window: 1h", "is a window in which nothing is counted"),
        ("cooldown: -1h", "a duration must be positive"),
        ("max_per_user: -3\n    quota_window: 1h", "`-3` is not a whole number"),
        ("max_per_user: 0\n    quota_window: 1h", "0 is not from 1 to 1000"),
    ],
)
def test_a_limit_that_limits_nothing_is_refused(line: str, said: str) -> None:
    assert said in problem(limit(line))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "`profiles` is missing"),
        ("profiles: []", "name at least one profile"),
        ("profiles: [{name: a b}]", "`a b` is not a profile's name"),
        ("profiles: [{name: a}, {name: a}]", "the profile `a` is listed twice"),
        ("profiles: [{name: a, initial_policy: {}}]", "write the policy as a block"),
        ("profiles: [{name: a, policy_parameter_name: a}]", "`a` is not a parameter's path"),
        ("profiles: [{name: a}]\nregion: Frankfurt", "`Frankfurt` is not a region"),
        (
            "profiles:\n  - name: a\n    initial_policy: |\n      version: 1\n      rules: []",
            "line 2 of it: rules: is an empty list",
        ),
    ],
)
def test_a_bootstrap_that_would_not_work_is_refused(line: str, said: str) -> None:
    assert said in problem(setup(line))


@pytest.mark.parametrize("path", ["a", "/", "/a/", "/a b", "/a//b", "/" + "a" * 512])
def test_a_policy_root_is_the_path_of_a_parameter(path: str) -> None:
    assert "policy_root: " in problem(setup("profiles: [{name: a}]").replace("/a", path))


def test_a_document_is_a_policy_when_it_says_so() -> None:
    assert isinstance(read(POLICY), Policy)
