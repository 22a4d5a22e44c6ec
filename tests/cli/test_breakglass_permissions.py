"""Emergencies by people who may do exactly what we say they need, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sentinel_server.clock import SystemClock, sortable
from sentinel_server.provisioning.iam import Role
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import UserKeys
from tests.fakes import dynamodb_local
from tests.fakes.aws import Sandbox, client, trust
from tests.fakes.command_line import CommandLine
from tests.fakes.sessions import a_session, beginning_now
from tests.fakes.strict import PREFIX, make_tables, permissions
from tests.fakes.two_people import POLICY, TwoPeople

DENIED = "version: '1'\nrules:\n  - {name: nobody, effect: deny, match: any}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """An account in which a developer and somebody in security have the permissions we generate."""

    sandbox: Sandbox
    sec: UserKeys
    tables: Any
    """DynamoDB as the developer reaches it by themselves."""


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    """Rows in Amazon's own emulator, behind a front that judges every call by the caller's policies."""
    with EmbeddedAws(dynamodb_url=dynamodb_local.endpoint()) as aws:
        asyncio.run(make_tables(aws))
        ssm = client(aws, "ssm", aws.root)
        for name, text in (("policies/prod", DENIED), ("breakglass", POLICY)):
            ssm.put_parameter(Name=f"/sentinel/{name}", Value=text, Type="String")
        asks = (
            "sts:AssumeRole",
            "sts:SetSourceIdentity",
            "ssm:GetParameter",
            "ssm:GetParameterHistory",
            "ssm:GetParameters",
        )
        dev = aws.add_user("dev", policy=permissions(aws, Role.DEVELOPER, Role.INVOKER, more=asks))
        sec = aws.add_user("sec", policy=permissions(aws, Role.SECURITY, Role.REVIEWER, more=asks[2:]))
        dev_arn = f"arn:aws:iam::{aws.account_id}:user/dev"
        prod_arn = aws.add_role("prod", trust(dev_arn), max_session=43200)
        sandbox = Sandbox(aws=aws, dev=dev, dev_arn=dev_arn, prod_arn=prod_arn)
        yield Team(sandbox=sandbox, sec=sec, tables=client(aws, "dynamodb", dev))


@pytest.fixture
def people(sentinel: CommandLine, team: Team) -> TwoPeople:
    """The two of them, with everything in AWS."""
    aws = team.sandbox.aws
    people = TwoPeople(sentinel, team.sandbox, team.sec)
    (sentinel.settings.directories.config / "breakglass.yaml").unlink()
    sentinel.set(
        SENTINEL_STORE=f"dynamodb://{aws.account_id}@{aws.region}/{PREFIX}",
        SENTINEL_POLICIES=f"ssm://{aws.account_id}@{aws.region}/sentinel/policies",
    )
    return people


def running_under(people: TwoPeople, event: str, number: int) -> str:
    """A session of the developer's that runs under an emergency."""
    session = beginning_now(a_session(number, person=people.developer, override_id=event))
    people.dev("whoami")  # whose keys open the store
    people.sentinel.in_store(lambda store: store.create(session))
    return session.id


def test_each_does_their_part_with_the_permissions_we_generate(people: TwoPeople) -> None:
    event = people.opened()
    assert people.dev("credentials", "--profile", "prod").status == 0
    session = running_under(people, event, 1)
    mine = people.dev("breakglass-list", "--mine", "--status", "active", "--json")
    assert [each["id"] for each in mine.json["events"]] == [event], mine.err
    closed = people.sec("breakglass-close", event, "--reason", "stop that", "--json")
    assert closed.status == 0, closed.err
    assert closed.json["sessions"] == [session]
    assert people.dev("server-session", session, "--json").json["status"] == "revoked"
    reviewed = people.sec("breakglass-review", event, "--justified", "--comment", "it was needed")
    assert reviewed.status == 0, reviewed.err


def test_an_invoker_who_may_not_revoke_ends_what_they_opened(people: TwoPeople) -> None:
    event = people.opened()
    session = running_under(people, event, 2)
    closed = people.dev("breakglass-close", event, "--reason", "failed over", "--json")
    assert closed.status == 0, closed.err
    assert (closed.json["sessions"], closed.json["failures"]) == ([session], [])
    assert people.dev("server-session", session, "--json").json["status"] == "ended"
    waiting = people.sec("breakglass-list", "--unreviewed", "--since", "1h", "--json")
    assert event in [each["id"] for each in waiting.json["events"]]


def test_an_invoker_who_moves_the_start_gets_nothing_and_hides_nothing(people: TwoPeople, team: Team) -> None:
    """IAM must let them write it once, and so cannot keep them from writing it again."""
    event = people.opened()
    assert people.dev("credentials", "--profile", "prod").status == 0
    team.tables.update_item(
        TableName=f"{PREFIX}breakglass",
        Key={"id": {"S": event}},
        UpdateExpression="SET created_at = :at, duration_seconds = :long",
        ExpressionAttributeValues={":at": {"S": sortable(SystemClock().now())}, ":long": {"N": "7200"}},
    )
    refused = people.dev("credentials", "--profile", "prod")
    assert (refused.status, "somebody changed what it says" in refused.err) == (3, True)
    listed = people.sec("breakglass-list", "--unreviewed", "--since", "1h", "--json").json["events"]
    assert [each["id"] for each in listed if each["altered"]] == [event]
    assert people.sec("breakglass-close", event, "--reason", "who did that").status == 0


def test_what_an_invoker_may_not_look_at_is_refused_with_the_reason(people: TwoPeople) -> None:
    ran = people.dev("breakglass-list", "--unreviewed")
    assert ran.status == 6
    assert "AccessDenied" in ran.err
