"""What is left to do: documents for IAM, and commands that the program takes, in an order that works."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import click
import pytest

from cli.main import root
from cli.setup.advice import Known, commands, iam
from cli.setup.answers import Answers
from sentinel_server.provisioning.desired import Family, table_of
from sentinel_server.provisioning.iam import Role, policy, table_arn

USER = "arn:aws:iam::111122223333:user/dev"
ROLE = "arn:aws:iam::111122223333:role/prod"
KNOWN = Known(roles={"prod": ROLE}, trusted=USER, account="111122223333")
BASIC = Answers(profiles=("prod",), user="dev", server=True)
TEAM = replace(
    BASIC,
    approvals=True,
    approvers=("eve",),
    breakglass=True,
    signing=True,
    tables=True,
    ssm=True,
    region="eu-central-1",
)
FILES = [Path("/h/policies/prod.yaml")]
SIDES = {name: Path(f"/h/{name}.yaml") for name in ("approvals", "breakglass", "ratelimits")}


def test_alone_one_needs_the_role_and_the_role_its_trust() -> None:
    assert list(iam(BASIC, KNOWN)) == [f"{USER}: use the profiles", f"{ROLE}: its trust policy"]


def test_a_team_needs_a_policy_for_each_part() -> None:
    found = iam(TEAM, KNOWN)
    assert [title.rpartition(": ")[2] for title in found][2:] == [
        *("developer", "requester", "approver", "invoker", "reviewer", "security")
    ]
    arns = {
        family: table_arn(region="eu-central-1", account="111122223333", table=table_of(family).name)
        for family in Family
    }
    assert found[f"{USER}: developer"] == policy(Role.DEVELOPER, arns)
    assert "eve: approver" in found
    assert "parameter/sentinel/*" in str(found[f"{USER}: use the profiles"])


def test_without_aws_nothing_is_guessed() -> None:
    found = iam(TEAM, Known(roles={"prod": ROLE}))
    assert "whoever uses the profiles: use the profiles" in found
    assert not any("trust" in title for title in found)
    assert "arn:aws:dynamodb:eu-central-1:*:table/sentinel-sessions" in str(found)


def test_alone_there_are_two_commands() -> None:
    assert commands(BASIC, FILES, {}) == [
        "sentinel doctor prod",
        "sentinel exec --server --profile prod -- aws sts get-caller-identity",
    ]


def test_a_team_makes_tables_signs_pushes_pins_and_then_begins() -> None:
    found = commands(TEAM, FILES, SIDES)
    order = [
        "sentinel init all",
        "sentinel policy keys generate",
        "sentinel policy push prod /h/policies/prod.yaml --sign-with",
        "sentinel policy push kind:approval /h/approvals.yaml",
        "sentinel config set signing.keys",
        "sentinel mfa enroll",
        "sentinel request --profile prod",
        "sentinel doctor prod",
        "sentinel exec --server --profile prod",
    ]
    at = [next(index for index, line in enumerate(found) if line.startswith(each)) for each in order]
    assert at == sorted(at)


@pytest.mark.parametrize("line", commands(TEAM, FILES, SIDES))
def test_every_command_is_one_that_the_program_takes(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = root
    context = click.Context(root, info_name="sentinel")
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None
        command = found
    known = {name for option in command.params for name in option.opts}
    ours = words[: words.index("--")] if "--" in words else words
    assert {word for word in ours if word.startswith("-")} <= known


def test_names_that_a_shell_would_read_are_quoted() -> None:
    found = commands(replace(BASIC, profiles=("a b;c",)), [], {})
    assert found[0] == "sentinel doctor 'a b;c'"
