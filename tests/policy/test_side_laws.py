"""Laws of the documents beside access policies."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cli.policies.formatting import formatted
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.policy.documents import Document, parse_document
from sentinel_server.policy.evaluate import PolicyAsk
from sentinel_server.policy.lint import Code, lint, lint_document
from sentinel_server.policy.printing import print_document
from sentinel_server.policy.ratelimit import RateLimitPolicy
from sentinel_server.policy.schema import Conditions, Policy
from tests.policy.plain import stands
from tests.policy.test_kinds import TEXTS
from tests.strategies import asks
from tests.strategies_sides import approval_policies, breakglass_policies, documents, ratelimit_policies

NOW = datetime(2026, 6, 1, tzinfo=UTC)
UNREACHED = {Code.UNREACHABLE, Code.UNREACHABLE_DENY}


@settings(deadline=None, max_examples=150)
@given(documents())
def test_a_printed_document_of_any_kind_is_read_as_the_same_document(document: Document) -> None:
    assert parse_document(print_document(document), file="printed") == document


@settings(deadline=None, max_examples=60)
@given(documents())
def test_formatting_a_document_of_any_kind_is_done_at_once(document: Document) -> None:
    once = formatted(print_document(document).encode(), "p")
    assert parse_document(once, file="p") == document
    assert formatted(once, "p") == once


@settings(deadline=None, max_examples=60)
@given(documents())
def test_lint_finds_the_same_in_the_text_as_in_the_document(document: Document) -> None:
    text = lint(print_document(document), file="p", now=NOW)
    value = lint_document(document, now=NOW)
    without_a_text = {each.code for each in value} - {Code.NO_TIMEZONE}
    assert {each.code for each in text} - {Code.NO_TIMEZONE} == without_a_text
    assert all(each.line > 1 for each in text if each.rule is not None)


def chosen(document: ApprovalPolicy | BreakGlassPolicy | RateLimitPolicy, ask: PolicyAsk) -> str | None:
    """The first rule whose profiles and, where it names any, requesters fit, found as plainly as can be."""
    groups = () if isinstance(document, RateLimitPolicy) else document.groups
    accounts = () if isinstance(document, RateLimitPolicy) else document.trusted_accounts
    policy = Policy(rules=(), groups=groups, trusted_accounts=accounts)
    for rule in document.rules:
        requesters = getattr(rule, "requesters", ())
        if stands(policy, Conditions(profiles=rule.profiles, users=requesters), ask):
            return rule.name
    return None


@settings(deadline=None, max_examples=120)
@given(
    approval_policies() | breakglass_policies() | ratelimit_policies(),
    st.lists(asks(), min_size=1, max_size=12),
)
def test_a_rule_of_which_lint_says_that_it_is_never_used_is_never_used(
    document: ApprovalPolicy | BreakGlassPolicy | RateLimitPolicy, asked: list[PolicyAsk]
) -> None:
    never = {each.rule for each in lint_document(document, now=NOW) if each.code in UNREACHED}
    assert not never & {chosen(document, ask) for ask in asked}


def test_comments_of_side_documents_are_kept_where_they_have_a_place() -> None:
    for kind, text in TEXTS.items():
        listing = "profiles:" if kind.value == "bootstrap" else "rules:"
        commented = "# who\n" + text.replace(f"\n{listing}", f"\n# the list\n{listing}")
        made = formatted(commented.encode(), "p").decode()
        assert made.startswith("# who\n")
        assert f"\n# the list\n{listing}\n" in made
        assert parse_document(made, file="p", kind=kind) == parse_document(text, file="p", kind=kind)


def test_an_initial_policy_stays_a_block_that_people_can_read() -> None:
    made = formatted(next(text for kind, text in TEXTS.items() if kind.value == "bootstrap").encode(), "p")
    assert b'    initial_policy: |\n      version: "1"\n      rules:\n        - {name: nobody,' in made
