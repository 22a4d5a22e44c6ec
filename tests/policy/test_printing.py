"""How a printed policy looks."""

from __future__ import annotations

import yaml

from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.printing import print_policy
from sentinel_server.policy.schema import FULL, STANDARD, STRICT, Conditions, Effect, Lease, Policy, Rule
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


def test_the_stricter_of_two_leases_wins() -> None:
    assert STANDARD.shorter(STRICT) == STRICT.shorter(STANDARD) == STRICT
    assert FULL.shorter(STRICT) == STRICT.shorter(FULL) == STRICT
    assert STRICT.shorter(None) == STRICT
    assert [str(lease) for lease in (FULL, Lease(seconds=90))] == ["full", "90s"]
