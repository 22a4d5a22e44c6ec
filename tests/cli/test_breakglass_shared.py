"""Emergencies of a team: policies in SSM, rows in DynamoDB, and no file that two people share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import ledger_table, sessions_table
from sentinel_server.records.model import Ledger
from sentinel_server.sandbox.principals import UserKeys
from tests.fakes.aws import Sandbox, client, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.dynamodb_local import client_at
from tests.fakes.two_people import POLICY, TwoPeople

DENIED = "version: '1'\nrules:\n  - {name: nobody, effect: deny, match: any}\n"


async def make_tables(aws: Sandbox) -> None:
    """The tables of sessions, requests and emergencies."""
    async with client_at(aws.aws.url, aws.aws.root) as dynamodb:
        provisioner = DynamoDbProvisioner(dynamodb, poll=0.02)
        for table in (sessions_table(), *(ledger_table(ledger) for ledger in Ledger)):
            await apply(provisioner, table)


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with our tables, and with policies that only an emergency lifts."""
    with embedded_aws() as sandbox:
        asyncio.run(make_tables(sandbox))
        ssm = client(sandbox.aws, "ssm", sandbox.aws.root)
        for name, text in (("policies/prod", DENIED), ("breakglass", POLICY)):
            ssm.put_parameter(Name=f"/sentinel/{name}", Value=text, Type="String")
        yield sandbox


@pytest.fixture(scope="module")
def sec(aws: Sandbox) -> UserKeys:
    """The keys of somebody in security."""
    return aws.aws.add_user("sec")


@pytest.fixture
def people(sentinel: CommandLine, aws: Sandbox, sec: UserKeys) -> TwoPeople:
    """Two people whose store and policies are AWS's."""
    people = TwoPeople(sentinel, aws, sec)
    (sentinel.settings.directories.config / "breakglass.yaml").unlink()
    region = aws.aws.region
    sentinel.set(
        SENTINEL_STORE=f"dynamodb://{aws.aws.account_id}@{region}/sentinel-",
        SENTINEL_POLICIES=f"ssm://{aws.aws.account_id}@{region}/sentinel/policies",
    )
    return people


def test_it_lives_and_ends_in_the_table_for_both(people: TwoPeople) -> None:
    before = people.dev("credentials", "--profile", "prod")
    assert before.status == 3, before.err
    event = people.opened("--ticket", "OPS-7")
    assert people.dev("credentials", "--profile", "prod").status == 0
    again = people.opens()
    assert again.status == 3
    assert f"your emergency {event} for prod is open" in again.err
    (listed,) = people.sec("breakglass-list", "--status", "active", "--json").json["events"]
    assert (listed["id"], listed["ticket"], listed["person"]) == (event, "OPS-7", people.developer)
    closed = people.sec("breakglass-close", event, "--reason", "stop that", "--json")
    assert closed.status == 0, closed.err
    assert closed.json["closed_by"] == f"iam:{people.account}:sec"
    assert people.dev("credentials", "--profile", "prod").status == 3
    reviewed = people.sec("breakglass-review", event, "--justified", "--comment", "it was needed")
    assert reviewed.status == 0, reviewed.err
    assert people.dev("breakglass-list", "--unreviewed", "--json").json["events"] == []


def test_a_policy_that_nobody_can_read_opens_nothing(people: TwoPeople) -> None:
    people.sentinel.set(SENTINEL_BREAKGLASS="ssm:///somewhere/else")
    missing = people.opens()
    assert missing.status == 3
    assert "there is no break-glass policy" in missing.err
    people.sentinel.set(SENTINEL_BREAKGLASS="ssm://999999999999@/sentinel/breakglass")
    foreign = people.opens()
    assert foreign.status == 6
    assert "999999999999" in foreign.err


def test_a_table_that_is_not_there_opens_nothing_and_is_said(people: TwoPeople) -> None:
    people.sentinel.set(SENTINEL_BREAKGLASS_TABLE="nowhere")
    ran = people.opens()
    assert ran.status == 6
    assert "nowhere" in ran.err
