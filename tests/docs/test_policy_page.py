"""Every document on the pages is one, every key is on the policy page, and the recipes do what they say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sentinel_server.identity.arn import parse_principal
from sentinel_server.policy import (
    conditions,
    parse,
    read_approval,
    read_bootstrap,
    read_breakglass,
    read_ratelimit,
    windows,
)
from sentinel_server.policy.breakglass import MfaMethod, ReasonCode
from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.lint import lint
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import LEASES, Effect, Mode, Override, Policy

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
WRITTEN = datetime(2026, 6, 1, tzinfo=UTC)
"""When the pages were written: recipes with dates lie after it."""


def blocks(text: str) -> list[str]:
    """The blocks of YAML that are whole documents."""
    found = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for block in found if re.search(r"^(rules|policy_root):", block, re.MULTILINE)]


EXAMPLES = [
    pytest.param(block, id=f"{path.relative_to(ROOT)}-{number}")
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for number, block in enumerate(blocks(path.read_text(encoding="utf-8")))
]
RECIPES = dict(
    re.findall(
        r"^### ([^\n]+)\n[^`]*?(?:`[^`\n]+`[^`]*?)*?```yaml\n(.*?)```",
        PAGE.partition("## Recipes")[2].partition("\n## ")[0],
        re.DOTALL | re.MULTILINE,
    )
)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_document(example: str) -> None:
    assert parse_document(example, file="docs").version == "1"


def test_there_are_examples_of_every_kind() -> None:
    kinds = {type(parse_document(block, file="docs")) for block in blocks(PAGE)}
    assert len(kinds) == len(DocumentKind)
    assert len(RECIPES) == 6


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_document_lints_clean(example: str) -> None:
    assert lint(example, file="docs", now=WRITTEN) == ()


KEYS = {
    *parse.TOP_KEYS,
    *parse.RULE_KEYS,
    *conditions.KEYS,
    *conditions.DEVICE_KEYS,
    *windows.TIME_KEYS,
    *read_approval.APPROVAL_RULE_KEYS,
    *read_breakglass.BREAKGLASS_RULE_KEYS,
    *read_breakglass.MFA_KEYS,
    *read_ratelimit.RATELIMIT_RULE_KEYS,
    *read_bootstrap.BOOTSTRAP_KEYS,
    *read_bootstrap.BOOTSTRAP_PROFILE_KEYS,
}
WORDS = {
    word.value for words in (Effect, Mode, Override, DocumentKind, ReasonCode, MfaMethod) for word in words
}


@pytest.mark.parametrize("word", sorted(KEYS | WORDS | set(LEASES)))
def test_every_key_and_word_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


def decided(recipe: str, who: str, profile: str, at: str, mode: Mode = Mode.SERVER) -> str:
    """The effect a recipe has for somebody then, `nothing` when no rule matches."""
    policy: Policy = parse_policy(RECIPES[recipe], file=recipe)
    arn = who if who.startswith("arn:") else f"arn:aws:iam::111122223333:user/{who}"
    principal = parse_principal(arn, unique_id="AIDAEXAMPLE")
    ask = PolicyAsk(
        principal=principal,
        profile=profile,
        mode=mode,
        now=datetime.fromisoformat(at),
        home_account="111122223333",
    )
    rule = evaluate(policy, ask).rule
    return "nothing" if rule is None else rule.effect.value


AGENT = "arn:aws:sts::111122223333:assumed-role/Agent/anything-it-says"
STAFF, EXTERNAL = "erin@example.com", "ext-mallory@example.com"


@pytest.mark.parametrize(
    ("recipe", "who", "profile", "at", "effect"),
    [
        ("Business hours", STAFF, "prod", "2026-06-08T09:00+02:00", "require_server"),
        ("Business hours", STAFF, "prod", "2026-06-08T18:00+02:00", "nothing"),
        ("Business hours", STAFF, "prod", "2026-06-07T12:00+02:00", "nothing"),
        ("Business hours", "guest", "prod", "2026-06-08T12:00+02:00", "nothing"),
        ("On call", "alice", "prod", "2026-06-07T03:00Z", "require_server"),
        ("On call", STAFF, "prod", "2026-06-07T03:00Z", "require_approval"),
        ("Contractors", STAFF, "prod", "2026-06-08T12:00Z", "allow"),
        ("Contractors", EXTERNAL, "prod", "2026-06-08T12:00Z", "nothing"),
        ("Contractors", EXTERNAL, "staging", "2027-12-31T23:59+01:00", "allow"),
        ("Contractors", EXTERNAL, "staging", "2028-01-01T00:00+01:00", "nothing"),
        ("Agents", AGENT, "sandbox-7", "2026-06-08T12:00Z", "require_server"),
        ("Agents", AGENT, "prod", "2026-06-08T12:00Z", "nothing"),
        ("Agents", "Agent", "sandbox-7", "2026-06-08T12:00Z", "nothing"),
        ("Production by approval", STAFF, "prod-read", "2026-06-08T12:00Z", "allow"),
        ("Production by approval", STAFF, "prod-write", "2026-06-08T12:00Z", "require_approval"),
        ("A change freeze", STAFF, "prod", "2027-11-30T23:59+01:00", "require_server"),
        ("A change freeze", STAFF, "prod", "2027-12-01T00:00+01:00", "deny"),
        ("A change freeze", STAFF, "prod", "2027-12-24T23:59+01:00", "deny"),
        ("A change freeze", STAFF, "prod", "2027-12-25T00:00+01:00", "require_server"),
    ],
)
def test_a_recipe_does_what_it_says(recipe: str, who: str, profile: str, at: str, effect: str) -> None:
    assert decided(recipe, who, profile, at) == effect


def test_an_agent_has_the_shortest_lease_and_aws_enforces_it() -> None:
    (rule,) = parse_policy(RECIPES["Agents"], file="Agents").rules
    assert (str(rule.max_lease), rule.enforce_lease) == ("strict", True)
    assert decided("Agents", AGENT, "sandbox-7", "2026-06-08T12:00Z", Mode.CLI) == "nothing"


def test_a_freeze_is_lifted_by_an_approval() -> None:
    assert parse_policy(RECIPES["A change freeze"], file="f").rules[0].override is Override.APPROVAL
