"""Condition operators, one by one, as the IAM user guide defines them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.sandbox.conditions import CannotEvaluate, holds, parse_conditions, wildcard


def true_of(operator: str, key: str, wanted: Any, **context: Any) -> bool:
    (condition,) = parse_conditions({operator: {key: wanted}})
    return holds(condition, {name.replace("__", ":").lower(): value for name, value in context.items()})


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "expected"),
    [
        ("StringEquals", "dev", "dev", True),
        ("StringEquals", "d*", "dev", False),
        ("StringEquals", ["a", "dev"], "dev", True),
        ("StringNotEquals", ["a", "dev"], "dev", False),
        ("StringNotEquals", "a", "dev", True),
        ("StringEqualsIgnoreCase", "DEV", "dev", True),
        ("StringLike", "sentinel=*=?=*", "sentinel=u.dev=d=0123", True),
        ("StringLike", "sentinel=*=?=*", "sentinel=u.dev=dd", False),
        ("StringNotLike", "d*", "dev", False),
        ("ArnLike", "arn:aws:iam::*:user/dev", "arn:aws:iam::1:user/dev", True),
        ("ArnLike", "arn:aws:iam::*:user/dev", "arn:aws:iam:x:1:y:user/dev", False),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("NumericLessThan", 5, "4", True),
        ("NumericGreaterThanEquals", "5", "5", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("DateLessThan", "2026-01-01T01:00:00+01:00", "2025-12-31T23:59:59Z", True),
        ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
    ],
)
def test_an_operator_compares_as_aws_says(operator: str, wanted: Any, actual: str, expected: bool) -> None:
    assert true_of(operator, "aws:userid", wanted, aws__userid=actual) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringLike", False),
        ("StringNotEquals", True),
        ("StringNotLike", True),
        ("StringEqualsIfExists", True),
        ("DateGreaterThan", False),
        ("Bool", False),
        ("BoolIfExists", True),
    ],
)
def test_a_missing_key_fails_all_but_the_negated_and_the_if_exists_forms(
    operator: str, expected: bool
) -> None:
    assert true_of(operator, "aws:sourceidentity", "true") is expected


def test_null_asks_whether_the_key_is_there() -> None:
    assert true_of("Null", "aws:SourceIdentity", "true")
    assert not true_of("Null", "aws:SourceIdentity", "true", aws__sourceidentity="x")
    assert true_of("Null", "aws:SourceIdentity", "false", aws__sourceidentity="x")


def test_for_all_values_wants_every_value_and_holds_of_none() -> None:
    operator, key = "ForAllValues:StringEquals", "dynamodb:Attributes"
    assert true_of(operator, key, ["id", "status"], dynamodb__attributes=("id",))
    assert not true_of(operator, key, ["id", "status"], dynamodb__attributes=("id", "revoked_at"))
    assert true_of(operator, key, ["id", "status"])


def test_for_any_value_wants_one_value_and_fails_without() -> None:
    operator, key = "ForAnyValue:StringLike", "dynamodb:Attributes"
    assert true_of(operator, key, "revoked_*", dynamodb__attributes=("id", "revoked_at"))
    assert not true_of(operator, key, "revoked_*", dynamodb__attributes=("id",))
    assert not true_of(operator, key, "revoked_*")


def test_several_values_without_a_quantifier_are_not_judged() -> None:
    with pytest.raises(CannotEvaluate):
        true_of("StringEquals", "dynamodb:Attributes", "id", dynamodb__attributes=("id", "status"))


def test_a_key_the_sandbox_never_supplies_is_not_judged() -> None:
    with pytest.raises(CannotEvaluate, match="aws:sourcevpc"):
        true_of("StringNotEquals", "aws:SourceVpc", "vpc-1")


def test_a_date_or_number_that_is_none_is_not_judged() -> None:
    with pytest.raises(CannotEvaluate):
        true_of("DateGreaterThan", "aws:CurrentTime", "tomorrow", aws__currenttime="2026-01-01T00:00:00Z")
    with pytest.raises(CannotEvaluate):
        true_of("NumericEquals", "aws:EpochTime", "many", aws__epochtime="1")


@pytest.mark.parametrize("block", [[], {"StringEquals": "x"}, {"StringEquals": {"aws:userid": {}}}])
def test_a_block_of_another_shape_is_refused(block: Any) -> None:
    with pytest.raises(CannotEvaluate):
        parse_conditions(block)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("${*}", "*", True),
        ("${*}", "x", False),
        ("${$}{x}", "${x}", True),
        ("${aws:username}", "dev", True),
        ("${aws:principaltag/team, 'none'}", "none", True),
    ],
)
def test_variables_may_be_literals_and_have_defaults(pattern: str, text: str, matches: bool) -> None:
    assert true_of("StringLike", "aws:userid", pattern, aws__userid=text, aws__username="dev") is matches


@given(st.text(alphabet="ab.+$^\\[(*?", max_size=8))
def test_a_text_without_wildcards_matches_only_itself(text: str) -> None:
    plain = text.replace("*", "").replace("?", "")
    assert wildcard(plain, plain)
    assert not wildcard(plain, plain + "a")
    assert wildcard(plain + "*", plain + "a")
