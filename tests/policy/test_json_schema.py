"""The published schemas: what the parser accepts they accept, and they refuse common mistakes."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy import (
    conditions,
    parse,
    read_approval,
    read_bootstrap,
    read_breakglass,
    read_ratelimit,
    windows,
)
from sentinel_server.policy.documents import read_document
from sentinel_server.policy.events import Entries, Items, Node, Scalar, read_tree
from sentinel_server.policy.json_schema import json_schema
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.printing import print_policy
from sentinel_server.policy.schema import Policy
from tests.policy.fuzz import documents
from tests.policy.test_kinds import TEXTS, approval, emergency, limit, setup
from tests.policy.test_parse import WHOLE, rule_with, when
from tests.strategies import policies

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema"
VALIDATORS = {kind: Draft7Validator(json_schema(kind)) for kind in DocumentKind}
HEADER = ("version", "kind")


def as_an_editor_reads_it(node: Node | None) -> Any:
    """The values by the core schema of YAML 1.2, which is what editors use."""
    match node:
        case None:
            return None
        case Scalar(text=text, plain=plain):
            return _resolved(text) if plain else text
        case Items(nodes=nodes):
            return [as_an_editor_reads_it(each) for each in nodes]
        case Entries(pairs=pairs):
            return {str(as_an_editor_reads_it(key)): as_an_editor_reads_it(value) for key, value in pairs}


def _resolved(text: str) -> str | bool | int | float | None:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.lower() in ("true", "false") and text in (text.lower(), text.title(), text.upper()):
        return text.lower() == "true"
    if re.fullmatch("[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text


def accepts(kind: DocumentKind, text: str) -> bool:
    """Whether the schema of that kind has nothing against a text."""
    return bool(VALIDATORS[kind].is_valid(as_an_editor_reads_it(read_tree(text))))


@pytest.mark.parametrize("kind", DocumentKind)
def test_the_published_schema_is_the_parsers(kind: DocumentKind) -> None:
    schema = json_schema(kind)
    Draft7Validator.check_schema(schema)
    published = (PUBLISHED / f"{kind.value}.json").read_text(encoding="utf-8")
    assert published == json.dumps(schema, indent=2) + "\n", (
        f"run: sentinel config schema {kind.value} > docs/schema/{kind.value}.json"
    )


def test_the_schemas_have_every_key_of_the_parser_and_no_other() -> None:
    def keys(kind: DocumentKind, *path: str) -> set[str]:
        schema: Any = json_schema(kind)
        for step in path:
            schema = schema["items"] if step == "[]" else schema["properties"][step]
        return set(schema["properties"])

    rule = ("rules", "[]")
    assert keys(DocumentKind.POLICY) == set(parse.TOP_KEYS)
    assert keys(DocumentKind.POLICY, *rule) == set(parse.RULE_KEYS)
    assert keys(DocumentKind.POLICY, *rule, "conditions") == set(conditions.KEYS)
    assert keys(DocumentKind.POLICY, *rule, "conditions", "time") == set(windows.TIME_KEYS)
    assert keys(DocumentKind.POLICY, *rule, "conditions", "device") == set(conditions.DEVICE_KEYS)
    assert keys(DocumentKind.APPROVAL) == {*HEADER, *read_approval.APPROVAL_KEYS}
    assert keys(DocumentKind.APPROVAL, *rule) == set(read_approval.APPROVAL_RULE_KEYS)
    assert keys(DocumentKind.APPROVAL, *rule, "auto_approve") == set(read_approval.AUTO_KEYS)
    assert keys(DocumentKind.BREAKGLASS) == {*HEADER, *read_breakglass.BREAKGLASS_KEYS}
    assert keys(DocumentKind.BREAKGLASS, *rule) == set(read_breakglass.BREAKGLASS_RULE_KEYS)
    assert keys(DocumentKind.BREAKGLASS, *rule, "mfa") == set(read_breakglass.MFA_KEYS)
    assert keys(DocumentKind.RATELIMIT) == {*HEADER, *read_ratelimit.RATELIMIT_KEYS}
    assert keys(DocumentKind.RATELIMIT, *rule) == set(read_ratelimit.RATELIMIT_RULE_KEYS)
    assert keys(DocumentKind.BOOTSTRAP) == {*HEADER, *read_bootstrap.BOOTSTRAP_KEYS}
    assert keys(DocumentKind.BOOTSTRAP, "profiles", "[]") == set(read_bootstrap.BOOTSTRAP_PROFILE_KEYS)


@settings(deadline=None, max_examples=60)
@given(policies())
def test_a_policy_that_was_printed_is_accepted(policy: Policy) -> None:
    assert accepts(DocumentKind.POLICY, print_policy(policy))


@pytest.mark.parametrize("kind", DocumentKind)
def test_a_document_with_every_key_is_accepted_by_its_own_schema_alone(kind: DocumentKind) -> None:
    assert [each for each in DocumentKind if accepts(each, TEXTS[kind])] == [kind]
    assert accepts(DocumentKind.POLICY, WHOLE)


def test_what_the_parser_accepts_of_mutated_documents_the_schema_accepts() -> None:
    accepted = 0
    for text in islice((each for each in documents(5) if len(each) < 4096), 3000):
        try:
            kind, _ = read_document(text, file="d")
        except InvalidPolicy:
            continue
        accepted += 1
        assert accepts(kind, text) or "~" in text, text
    assert accepted > 200


@pytest.mark.parametrize(
    "text",
    [
        rule_with("reason: x").replace("version: 1", "version: 2"),
        rule_with("extra: x"),
        rule_with("max_duration: 900"),
        rule_with("max_lease: short"),
        rule_with("override: none"),
        rule_with("enforce_lease: yes"),
        rule_with("session_table: a table"),
        rule_with("reason: x").replace("effect: allow", "effect: Allow"),
        rule_with("reason: x").replace("match: any", "match: all"),
        rule_with("conditions: {users: [a]}"),
        rule_with("reason:"),
        "version: 1\nrules: []",
        "version: 1\nrules: [{name: a, effect: deny}]",
        "version: 1\ntrusted_accounts: ['1']\nrules: [{name: a, effect: deny, match: any}]",
        "version: 1\ngroups: {}\nrules: [{name: a, effect: deny, match: any}]",
        "version: 1\ngroups: {a b: [c]}\nrules: [{name: a, effect: deny, match: any}]",
        "version: 1\ngroups: {a: ['group:b']}\nrules: [{name: a, effect: deny, match: any}]",
        "version: 1\nkind: approval\nrules: [{name: a, effect: deny, match: any}]",
        when(""),
        when("users: []"),
        when("users: alice"),
        when("users: [a, a]"),
        when("users: [user/alice]"),
        when("mode: [web]"),
        when("time: {}"),
        when("time: {timezone: UTC}"),
        when("time: {days: [Monday]}"),
        when("time: {hours: {start: 9:00, end: 17:00}}"),
        when("time: {hours: {start: 24:00, end: 17:00}}"),
        when("time: {not_after: 1.1.2027}"),
        when("time: {not_after: 2027-01-01T10:00}"),
        when("device: {}"),
        when("device: {require_mdmm: true}"),
        when("device: {allowed_os_types: [Darwin]}"),
    ],
)
def test_a_common_mistake_in_a_policy_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicy):
        read_document(text, file="p", kind=DocumentKind.POLICY)
    assert not accepts(DocumentKind.POLICY, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DocumentKind.APPROVAL, approval("approvers: []")),
        (DocumentKind.APPROVAL, approval("profiles: [a]")),
        (DocumentKind.APPROVAL, approval("approvers: [a]\n    auto_approve: {max_duration: 1h}")),
        (DocumentKind.APPROVAL, approval("approvers: ['*']\n    approvals_required: 0")),
        (DocumentKind.BREAKGLASS, emergency("allowed_reason_codes: [on_call]")),
        (DocumentKind.BREAKGLASS, emergency("mfa: {methods: [totp]}")),
        (DocumentKind.RATELIMIT, limit("profiles: [a]")),
        (DocumentKind.RATELIMIT, limit("max_per_user: 3")),
        (DocumentKind.BOOTSTRAP, setup("profiles: []")),
        (DocumentKind.BOOTSTRAP, setup("profiles: [{name: a b}]")),
    ],
)
def test_a_common_mistake_in_another_kind_is_refused(kind: DocumentKind, text: str) -> None:
    with pytest.raises(InvalidPolicy):
        read_document(text, file="p", kind=kind)
    assert not accepts(kind, text)
