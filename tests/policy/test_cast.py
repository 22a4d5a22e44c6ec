"""Everybody whom policies name takes part in a comparison, and one of each sort they do not name."""

from __future__ import annotations

from collections import Counter

from hypothesis import given

from sentinel_server.identity.principal import Kind
from sentinel_server.policy.cast import (
    NO_ACCOUNT,
    OTHER_PROFILE,
    Figure,
    figures,
    home_of,
    named_profiles,
    named_users,
    principal_named,
    profiles_of,
)
from sentinel_server.policy.match import bare_name
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Policy
from tests.strategies import policies

HOME, OTHER = "111122223333", "444455556666"
UNNAMED = (
    "any other IAM user",
    "any other SSO user",
    "any other role's session",
    "any other account's user",
)


def policy(conditions: str, head: str = f'trusted_accounts: ["{HOME}"]') -> Policy:
    """A policy of one rule."""
    text = f"version: 1\n{head}\nrules: [{{name: a, effect: allow, conditions: {conditions}}}]\n"
    return parse_policy(text, file="p")


def by_label(*which: Policy, home: str | None = None) -> dict[str, list[Figure]]:
    """The figures under each label."""
    found: dict[str, list[Figure]] = {}
    for figure in figures(which, home):
        found.setdefault(figure.label, []).append(figure)
    return found


def test_a_bare_name_is_an_iam_user_and_a_person_signed_in_by_sso() -> None:
    cast = by_label(policy("{users: [alice]}"))
    assert [(f.detail, f.principal.kind, f.principal.account) for f in cast["alice"]] == [
        ("alice (IAM user)", Kind.IAM_USER, HOME),
        ("alice (SSO user)", Kind.SSO_ROLE, HOME),
    ]
    assert tuple(cast)[1:] == UNNAMED


def test_in_several_accounts_a_bare_name_is_somebody_in_each() -> None:
    cast = by_label(policy("{users: [alice]}"), policy("{users: [bob]}", f'trusted_accounts: ["{OTHER}"]'))
    details = [figure.detail for figure in cast["alice"]]
    assert details == [
        f"alice (IAM user of {HOME})",
        f"alice (SSO user of {HOME})",
        f"alice (IAM user of {OTHER})",
        f"alice (SSO user of {OTHER})",
    ]


def test_members_of_groups_and_those_a_rule_is_not_about_are_named() -> None:
    both = policy(
        "{users: ['group:oncall'], not_users: [mallory, 'arn:aws:iam::*:user/x'], not_profiles: [prod]}",
        "groups: {oncall: [carol], idle: [dave]}",
    )
    assert named_users([both]) == ("arn:aws:iam::*:user/x", "carol", "dave", "mallory")
    assert named_profiles([both, policy("{profiles: [dev, prod]}")]) == ("dev", "prod")


def test_without_trusted_accounts_home_is_where_the_policy_is_stored() -> None:
    nowhere = policy("{users: [alice]}", "kind: policy")
    assert home_of(nowhere, None) == NO_ACCOUNT
    assert home_of(nowhere, OTHER) == OTHER
    assert home_of(policy("{users: [alice]}"), OTHER) == HOME
    assert {f.principal.account for f in by_label(nowhere, home=OTHER)["alice"]} == {OTHER}


def test_a_pattern_that_no_principal_fits_is_nobody() -> None:
    cast = by_label(policy("{users: ['arn:aws:iam::*:role/x', 'arn:aws:iam::*:root']}"))
    assert tuple(cast) == ("arn:aws:iam::*:root", *UNNAMED)


def test_a_name_is_an_iam_user_and_an_arn_itself() -> None:
    arn = f"arn:aws:sts::{OTHER}:assumed-role/Deploy/build"
    assert principal_named("alice", HOME).arn == f"arn:aws:iam::{HOME}:user/alice"
    assert principal_named(arn, HOME).arn == arn


def test_profiles_asked_for_come_first_and_once() -> None:
    found = profiles_of([policy("{profiles: [dev, 'prod-?*']}")], ["prod", "dev"])
    assert [(place.label, place.name) for place in found[:-1]] == [
        ("prod", "prod"),
        ("dev", "dev"),
        ("prod-?*", "prod-xany"),
    ]
    assert found[-1].label == OTHER_PROFILE


@given(policies())
def test_nobody_is_told_apart_by_less_than_a_detail(policy: Policy) -> None:
    found = figures((policy,), None)
    assert max(Counter(figure.detail for figure in found).values()) == 1
    for figure in found:
        if "(" in figure.detail:
            assert bare_name(figure.principal, policy, NO_ACCOUNT) == figure.principal.name
