"""A session has the intersection of its role and its session policy, and a denial says which side said no."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.sandbox.authorise import ask_for, caller_context, why_not
from sentinel_server.sandbox.iam import Policy, parse_policy
from sentinel_server.sandbox.principals import Kind, Principal

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/prod"


def policy(*statements: dict[str, Any]) -> Policy:
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


ALLOWING = policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
DENYING = policy({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
SILENT = policy({"Effect": "Allow", "Action": "ssm:*", "Resource": "*"})
policies = st.sampled_from([ALLOWING, DENYING, SILENT])


def session(*session_policies: Policy, **more: Any) -> Principal:
    facts: dict[str, Any] = {
        "kind": Kind.ROLE,
        "account": ACCOUNT,
        "name": "prod",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/prod/work",
        "user_id": "AROA0123456789ABCDEFG:work",
        "role_arn": ROLE,
        "session_name": "work",
        "session_policies": session_policies,
        "temporary": True,
    }
    return Principal(**facts | more)


def user() -> Principal:
    arn = f"arn:aws:iam::{ACCOUNT}:user/dev"
    return Principal(kind=Kind.USER, account=ACCOUNT, name="dev", arn=arn, user_id="AIDA0123456789ABCDEFG")


def reason(identity: list[Policy], who: Principal) -> str | None:
    return why_not(identity, who, ask_for("s3:GetObject", "arn:aws:s3:::b/k", who, {}))


@pytest.mark.parametrize(
    ("identity", "inline", "said"),
    [
        ([ALLOWING], (), None),
        ([ALLOWING], (ALLOWING,), None),
        ([ALLOWING], (SILENT,), "because no session policy allows the s3:GetObject action"),
        ([SILENT], (ALLOWING,), "because no identity-based policy allows the s3:GetObject action"),
        ([], (), "because no identity-based policy allows the s3:GetObject action"),
        ([ALLOWING, DENYING], (), "with an explicit deny in an identity-based policy"),
        ([ALLOWING], (ALLOWING, DENYING), "with an explicit deny in a session policy"),
        ([SILENT], (DENYING,), "with an explicit deny in a session policy"),
    ],
)
def test_the_reason_names_the_side_that_said_no(
    identity: list[Policy], inline: tuple[Policy, ...], said: str | None
) -> None:
    assert reason(identity, session(*inline)) == said


@given(st.lists(policies), st.lists(policies, min_size=1))
def test_a_session_policy_never_widens(identity: list[Policy], inline: list[Policy]) -> None:
    if reason(identity, session(*inline)) is None:
        assert reason(identity, session()) is None


@given(st.lists(policies), st.lists(policies))
def test_a_denial_added_anywhere_denies(identity: list[Policy], inline: list[Policy]) -> None:
    assert reason([*identity, DENYING], session(*inline)) is not None
    assert reason(identity, session(*inline, DENYING)) is not None


def test_a_role_session_answers_to_its_role_its_own_name_and_its_account() -> None:
    assert session().names == {
        "*",
        ROLE,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/prod/work",
        f"arn:aws:iam::{ACCOUNT}:root",
    }


def test_a_user_answers_to_its_name_and_its_account() -> None:
    assert user().names == {"*", f"arn:aws:iam::{ACCOUNT}:user/dev", f"arn:aws:iam::{ACCOUNT}:root"}


def test_the_principal_arn_of_a_session_is_its_roles() -> None:
    context = caller_context(session(), NOON, "us-east-1")
    assert (context["aws:principalarn"], context["aws:userid"]) == (ROLE, "AROA0123456789ABCDEFG:work")
    assert (context["aws:currenttime"], context["aws:epochtime"]) == ("2026-01-31T12:00:00Z", "1769860800")


def test_only_users_have_a_user_name_and_only_sessions_say_that_mfa_was_not_used() -> None:
    of_user, of_session = (caller_context(who, NOON, "us-east-1") for who in (user(), session()))
    assert of_user["aws:username"] == "dev"
    assert "aws:username" not in of_session
    assert of_session["aws:multifactorauthpresent"] == "false"
    assert "aws:multifactorauthpresent" not in of_user


def test_the_stamp_and_the_tags_of_a_session_are_there_when_it_has_them() -> None:
    bare = caller_context(session(), NOON, "us-east-1")
    full = caller_context(session(source_identity="sentinel=x", tags=(("Team", "blue"),)), NOON, "us-east-1")
    assert set(full) - set(bare) == {"aws:sourceidentity", "aws:principaltag/team"}
    assert (full["aws:sourceidentity"], full["aws:principaltag/team"]) == ("sentinel=x", "blue")
