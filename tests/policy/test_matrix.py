"""A matrix says of every user and profile what `evaluate` says, under names that people know."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings

from cli.layout import columns
from cli.matrices import matrix_lines
from sentinel_server.errors import InvalidArn
from sentinel_server.policy.cast import named_profiles, named_users, principal_of, profile_of
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.match import profile_test, users_test
from sentinel_server.policy.matrix import Matrix, matrix
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Effect, LoadedPolicy, Mode, Origin, Policy
from tests.fakes.clock import NOON
from tests.strategies import instants, policies

ACCOUNT = "111122223333"
POLICY = parse_policy(
    """\
version: "1"
groups: {oncall: [carol]}
rules:
  - {name: no contractors, effect: deny, conditions: {users: ["*-ext"], profiles: ["prod*"]}}
  - {name: on call, effect: require_server, conditions: {users: ["group:oncall"]}}
  - {name: pipeline, effect: allow, conditions: {users: ["arn:aws:sts::*:assumed-role/Pipeline/*"]}}
  - {name: asks, effect: require_approval, conditions: {not_users: [mallory], profiles: [dev]}}
""",
    file="p",
)


def loaded(policy: Policy = POLICY) -> LoadedPolicy:
    return LoadedPolicy(policy=policy, name="p", sha256="0" * 64, origin=Origin.SSM, account=ACCOUNT)


def table(found: Matrix) -> dict[str, list[str]]:
    """The words of each row by its user."""
    return {row[0].user: [f"{c.outcome.value} {c.decision.index + 1}" for c in row] for row in found.rows}


def seen(*users: str, mode: Mode = Mode.SERVER) -> Matrix:
    return matrix(loaded(), users=users, profiles=("prod",), mode=mode, now=NOON)


def test_everybody_a_policy_names_has_a_row_and_every_profile_a_column() -> None:
    found = seen()
    assert found.profiles == ("prod", "dev", "prod*")
    assert table(found) == {
        "*-ext": ["deny 1", "require_approval 4", "deny 1"],
        "arn:aws:sts::*:assumed-role/Pipeline/*": ["allow 3"] * 3,
        "carol": ["allow 2"] * 3,
        "mallory": ["deny 0"] * 3,
        "any other IAM user": ["deny 0", "require_approval 4", "deny 0"],
        "any other SSO user": ["deny 0", "require_approval 4", "deny 0"],
        "any other role's session": ["deny 0", "require_approval 4", "deny 0"],
    }


def test_the_door_makes_a_difference() -> None:
    assert table(seen("carol", mode=Mode.CLI)) == {"carol": ["require_server 2"] * 3}


def test_users_that_are_asked_for_are_all_there_is() -> None:
    assert list(table(seen("dave", "carol", "dave"))) == ["dave", "carol"]
    with pytest.raises(InvalidArn):
        seen("no name")


def test_tables_are_cut_into_blocks_of_80_columns_and_name_their_rules() -> None:
    profiles = tuple(f"a-profile-with-a-long-name-{i}" for i in range(9))
    found = matrix(loaded(), users=(), profiles=profiles, mode=Mode.SERVER, now=NOON)
    lines = list(matrix_lines(found))
    assert max(map(columns, lines)) <= 80
    assert sum(line.startswith("USER") for line in lines) == 5
    named = ["   2  on call", "   3  pipeline", "   4  asks", "   -  no rule matches"]
    assert lines[lines.index("   2  on call") :] == named


def test_a_small_table_is_one_block() -> None:
    assert list(matrix_lines(seen("carol", "mallory"))) == [
        "USER     prod     dev      prod*",
        "carol    allow 2  allow 2  allow 2",
        "mallory  deny -   deny -   deny -",
        "",
        "   2  on call",
        "   -  no rule matches",
    ]


@pytest.mark.parametrize(
    ("entry", "arn"),
    [
        ("alice", f"arn:aws:iam::{ACCOUNT}:user/alice"),
        ("*@example.com", f"arn:aws:iam::{ACCOUNT}:user/someone@example.com"),
        ("arn:aws:iam::*:user/ci/*", f"arn:aws:iam::{ACCOUNT}:user/ci/any"),
        ("arn:aws:iam::4444????5555:user/x", "arn:aws:iam::444400005555:user/x"),
        ("arn:aws:iam::44*:user/x", "arn:aws:iam::449999999999:user/x"),
        (
            "arn:*:sts::*:assumed-role/AWSReservedSSO_Dev*/b?b",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Dev_Any_0123456789abcdef/b0b",
        ),
        ("arn:aws-cn:sts::*:federated-user/*", f"arn:aws-cn:sts::{ACCOUNT}:federated-user/any"),
        ("arn:aws:*::*:*", f"arn:aws:iam::{ACCOUNT}:root"),
        ("arn:aws:iam::*:role/x", None),
        ("arn:aws:s3:::bucket", None),
    ],
)
def test_a_pattern_is_stood_for_by_a_principal_that_it_means(entry: str, arn: str | None) -> None:
    found = principal_of(entry, ACCOUNT)
    assert (found and found.arn) == arn


@settings(deadline=None, max_examples=60)
@given(policies(), instants())
def test_every_cell_is_what_evaluate_says(policy: Policy, now: datetime) -> None:
    found = matrix(loaded(policy), users=(), profiles=("prod",), mode=Mode.CLI, now=now)
    for row in found.rows:
        assert [cell.profile for cell in row] == list(found.profiles)
        for cell in row:
            ask = PolicyAsk(
                principal=cell.principal,
                profile=profile_of(cell.profile),
                mode=Mode.CLI,
                now=now,
                home_account=ACCOUNT,
            )
            assert cell.decision == evaluate(policy, ask)
            assert cell.outcome is not Effect.REQUIRE_SERVER_SESSION


@settings(deadline=None)
@given(policies())
def test_whatever_stands_for_a_name_is_meant_by_it(policy: Policy) -> None:
    for entry in named_users((policy,)):
        principal = principal_of(entry, ACCOUNT)
        if principal is not None:
            users = users_test((entry,))
            assert users.arn(principal.arn) if entry.startswith("arn:") else users.bare(principal.name)
    for entry in named_profiles((policy,)):
        assert profile_test((entry,))(profile_of(entry))
