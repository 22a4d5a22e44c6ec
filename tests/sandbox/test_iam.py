"""The evaluator: deny wins, silence is no, and what it does not know it refuses to judge."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.sandbox.conditions import CannotEvaluate
from sentinel_server.sandbox.iam import Ask, Policy, Verdict, evaluate, parse_policy

ROLE = "arn:aws:iam::111122223333:role/prod"


def policy(*statements: dict[str, Any]) -> Policy:
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "*", "Resource": "*", **more}


def ask(action: str = "sts:AssumeRole", resource: str | None = ROLE, **context: Any) -> Ask:
    keys = {key.replace("__", ":").lower(): value for key, value in context.items()}
    return Ask(action=action, resource=resource, context=keys)


def said(statement: dict[str, Any], asked: Ask) -> Verdict:
    return evaluate([policy(statement)], asked)


def test_no_statement_is_no_permission() -> None:
    assert evaluate([], ask()) is Verdict.SILENT


def test_an_explicit_deny_beats_every_allow() -> None:
    assert evaluate([policy(allow(), allow(Effect="Deny")), policy(allow())], ask()) is Verdict.DENIED


@pytest.mark.parametrize("action", ["sts:AssumeRole", "STS:assumerole", "sts:*", "*", "sts:Assume????"])
def test_actions_match_without_case_and_with_wildcards(action: str) -> None:
    assert said(allow(Action=action), ask()) is Verdict.ALLOWED


@pytest.mark.parametrize("resource", ["arn:aws:iam::*:role/prod", "arn:aws:iam::111122223333:role/pro?", "*"])
def test_resources_match_with_wildcards(resource: str) -> None:
    assert said(allow(Resource=resource), ask()) is Verdict.ALLOWED


def test_resources_match_case_sensitively() -> None:
    assert said(allow(Resource=ROLE.upper()), ask()) is Verdict.SILENT


def test_not_action_and_not_resource_turn_the_match_round() -> None:
    but_iam = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    but_prod = {"Effect": "Allow", "Action": "*", "NotResource": ROLE}
    assert said(but_iam, ask()) is Verdict.ALLOWED
    assert said(but_iam, ask("iam:GetRole")) is Verdict.SILENT
    assert said(but_prod, ask()) is Verdict.SILENT


def test_a_named_principal_is_found_by_any_of_the_callers_names() -> None:
    statement = {"Effect": "Allow", "Action": "*", "Principal": {"AWS": ["111122223333", "arn:x"]}}
    root = frozenset({"arn:aws:iam::111122223333:root"})
    assert said(statement, replace(ask(), principals=root)) is Verdict.ALLOWED
    assert said(statement, replace(ask(), principals=frozenset({"arn:y"}))) is Verdict.SILENT


def test_not_principal_means_everybody_else() -> None:
    statement = {"Effect": "Deny", "Action": "*", "NotPrincipal": {"AWS": "arn:x"}}
    assert said(statement, replace(ask(), principals=frozenset({"arn:y"}))) is Verdict.DENIED
    assert said(statement, replace(ask(), principals=frozenset({"arn:x"}))) is Verdict.SILENT


def test_policy_variables_stand_for_the_callers_values_and_match_nothing_without_one() -> None:
    statement = allow(Resource="arn:aws:s3:::home/${aws:username}/*")
    mine = ask("s3:GetObject", "arn:aws:s3:::home/dev/x")
    assert said(statement, replace(mine, context={"aws:username": "dev"})) is Verdict.ALLOWED
    assert said(statement, mine) is Verdict.SILENT


def test_a_wildcard_in_a_variables_value_is_no_wildcard() -> None:
    statement = allow(Resource="arn:aws:s3:::home/${aws:username}/*")
    other = ask("s3:GetObject", "arn:aws:s3:::home/ann/x", aws__username="*")
    assert said(statement, other) is Verdict.SILENT


def test_a_resource_the_sandbox_cannot_tell_is_judged_only_by_statements_about_everything() -> None:
    unknown = ask("lambda:Invoke", None)
    assert said(allow(), unknown) is Verdict.ALLOWED
    with pytest.raises(CannotEvaluate):
        said(allow(Resource="arn:aws:lambda:*:*:function:x"), unknown)


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "Resource": "*"},
        {"Effect": "Permit", "Action": "*"},
        {"Effect": "Allow", "Action": "*", "Actions": "*"},
        {"Effect": "Allow", "Action": []},
        {"Effect": "Allow", "Action": "*", "Principal": {"CanonicalUser": "x"}},
        {"Effect": "Allow", "Action": "*", "Principal": "arn:x"},
        {"Effect": "Allow", "Action": "*", "Condition": {"StringMatches": {"aws:userid": "x"}}},
        {"Effect": "Allow", "Action": "*", "Condition": {"ForSomeValues:StringEquals": {"aws:userid": "x"}}},
        "Allow",
    ],
)
def test_a_statement_that_is_not_understood_is_refused_when_it_is_read(statement: Any) -> None:
    with pytest.raises(CannotEvaluate):
        policy(statement)


@pytest.mark.parametrize(
    "document",
    ["", "[]", '{"Version":"2008-10-17","Statement":[]}', '{"Version":"2012-10-17"}', '{"Statement":[]}'],
)
def test_a_document_that_is_not_a_policy_is_refused(document: str) -> None:
    with pytest.raises(CannotEvaluate):
        parse_policy(document)


statements = st.builds(
    lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["*", "sts:*", "sts:AssumeRole", "s3:GetObject", "s3:*"]),
    st.sampled_from(["*", ROLE, "arn:aws:s3:::b/*"]),
)
documents = st.lists(st.lists(statements, max_size=4).map(lambda some: policy(*some)), max_size=3)
asks = st.builds(
    ask, st.sampled_from(["sts:AssumeRole", "s3:GetObject"]), st.sampled_from([ROLE, "arn:aws:s3:::b/k"])
)


@given(documents, statements, asks)
def test_adding_a_deny_never_widens(policies: list[Policy], more: dict[str, Any], asked: Ask) -> None:
    before = evaluate(policies, asked)
    after = evaluate([*policies, policy(more | {"Effect": "Deny"})], asked)
    assert after is Verdict.DENIED or after is before


@given(documents, statements, asks)
def test_adding_an_allow_never_lifts_a_deny(policies: list[Policy], more: dict[str, Any], asked: Ask) -> None:
    if evaluate(policies, asked) is Verdict.DENIED:
        assert evaluate([*policies, policy(more | {"Effect": "Allow"})], asked) is Verdict.DENIED


@given(documents, asks)
def test_the_order_of_policies_does_not_matter(policies: list[Policy], asked: Ask) -> None:
    assert evaluate(policies, asked) is evaluate(policies[::-1], asked)
