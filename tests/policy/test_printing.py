"""How a printed policy looks."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
import yaml

from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.printing import print_document, print_policy
from sentinel_server.policy.read_approval import APPROVAL_RULE_KEYS, AUTO_KEYS
from sentinel_server.policy.read_bootstrap import BOOTSTRAP_KEYS, BOOTSTRAP_PROFILE_KEYS
from sentinel_server.policy.read_breakglass import BREAKGLASS_RULE_KEYS, MFA_KEYS
from sentinel_server.policy.read_ratelimit import RATELIMIT_RULE_KEYS
from sentinel_server.policy.schema import (
    FULL,
    STANDARD,
    STRICT,
    Conditions,
    Effect,
    Group,
    Lease,
    Policy,
    Rule,
    TimeWindow,
)
from tests.policy.test_kinds import APPROVAL, BOOTSTRAP, BREAKGLASS, RATELIMIT
from tests.policy.test_parse import WHOLE


def test_a_policy_is_printed_as_somebody_would_write_it() -> None:
    assert print_policy(parse_policy(WHOLE, file="p")).splitlines()[:12] == [
        'version: "1"',
        'trusted_accounts: ["012345678901"]',
        "rules:",
        '  - name: "office hours"',
        "    effect: deny",
        "    conditions:",
        '      profiles: [prod, "prod-*"]',
        '      users: [alice, "no"]',
        "      time:",
        "        days: [monday, friday]",
        '        hours: {start: "09:00", end: "17:30"}',
        "        timezone: Europe/Berlin",
    ]


def test_a_long_list_has_a_line_for_each_entry() -> None:
    users = tuple(f"somebody-{i}" for i in range(20))
    policy = Policy(rules=(Rule(name="a", effect=Effect.ALLOW, conditions=Conditions(users=users)),))
    text = print_policy(policy)
    assert "        - somebody-19\n" in text
    assert parse_policy(text, file="p") == policy


def test_other_readers_of_yaml_see_text_where_we_do() -> None:
    users = ("no", "on", "Y", "null", "1e3", "0123", "17:30", "~")
    policy = Policy(rules=(Rule(name="a", effect=Effect.ALLOW, conditions=Conditions(users=users)),))
    assert yaml.safe_load(print_policy(policy))["rules"][0]["conditions"]["users"] == list(users)


def test_groups_exclusions_and_dates_are_printed_as_an_author_would_write_them() -> None:
    end = datetime(2026, 12, 24, 9, tzinfo=timezone(timedelta(hours=1)))
    conditions = Conditions(
        not_profiles=("dev",),
        users=("group:oncall",),
        not_users=("bob",),
        time=TimeWindow(not_before=date(2026, 12, 1), not_after=end),
    )
    policy = Policy(
        rules=(Rule(name="a", effect=Effect.ALLOW, conditions=conditions),),
        groups=(Group(name="oncall", users=("alice",)), Group(name="no", users=("*-ext",))),
    )
    text = print_policy(policy)
    assert parse_policy(text, file="p") == policy
    assert text.splitlines()[1:] == [
        "groups:",
        "  oncall: [alice]",
        '  "no": ["*-ext"]',
        "rules:",
        "  - name: a",
        "    effect: allow",
        "    conditions:",
        "      not_profiles: [dev]",
        '      users: ["group:oncall"]',
        "      not_users: [bob]",
        "      time:",
        '        not_before: "2026-12-01"',
        '        not_after: "2026-12-24T09:00:00+01:00"',
    ]


def test_the_stricter_of_two_leases_wins() -> None:
    assert STANDARD.shorter(STRICT) == STRICT.shorter(STANDARD) == STRICT
    assert FULL.shorter(STRICT) == STRICT.shorter(FULL) == STRICT
    assert STRICT.shorter(None) == STRICT
    assert [str(lease) for lease in (FULL, Lease(seconds=90))] == ["full", "90s"]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (APPROVAL, APPROVAL_RULE_KEYS + AUTO_KEYS),
        (
            BREAKGLASS.replace("    time:", "    reviewers: [carol]\n    time:"),
            BREAKGLASS_RULE_KEYS + MFA_KEYS,
        ),
        (RATELIMIT, RATELIMIT_RULE_KEYS),
        (BOOTSTRAP, BOOTSTRAP_KEYS + BOOTSTRAP_PROFILE_KEYS),
    ],
    ids=["approval", "breakglass", "ratelimit", "bootstrap"],
)
def test_every_key_that_can_be_read_is_printed(text: str, keys: tuple[str, ...]) -> None:
    document = parse_document(text, file="d")
    printed = print_document(document)
    assert [key for key in keys if f"{key}:" not in printed] == []
    assert parse_document(printed, file="d") == document
