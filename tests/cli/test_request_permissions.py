"""Requests by people who may do exactly what we say they need, and nothing else; one of them signs by KMS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.provisioning.iam import Role
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import UserKeys
from tests.fakes import dynamodb_local
from tests.fakes.approvers import APPROVALS, POLICY, WHY, Team, team
from tests.fakes.aws import Sandbox, client, trust
from tests.fakes.command_line import CommandLine
from tests.fakes.sessions import a_session, beginning_now
from tests.fakes.strict import PREFIX, READS, make_tables, permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account where everybody has the permissions of their role, and the KMS key of the approver bob."""

    sandbox: Sandbox
    keys: Mapping[str, UserKeys]
    kms_key: str
    tables: Mapping[str, Any]
    """The requests table as dev and as bob reach it by themselves."""


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """Rows in Amazon's own emulator, behind a front that judges every call by the caller's policies."""
    with EmbeddedAws(dynamodb_url=dynamodb_local.endpoint()) as aws:
        asyncio.run(make_tables(aws))
        ssm = client(aws, "ssm", aws.root)
        for name, text in (("policies/prod", POLICY), ("approvals", APPROVALS)):
            ssm.put_parameter(Name=f"/sentinel/{name}", Value=text, Type="String")
        key = client(aws, "kms", aws.root).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        assume = ("sts:AssumeRole", "sts:SetSourceIdentity", *READS)
        signs = ("kms:Sign", "kms:GetPublicKey", *READS)
        dev = aws.add_user("dev", policy=permissions(aws, Role.DEVELOPER, Role.REQUESTER, more=assume))
        keys = {
            "bob": aws.add_user("bob", policy=permissions(aws, Role.APPROVER, more=signs)),
            "carol": aws.add_user("carol", policy=permissions(aws, Role.REQUESTER, more=READS)),
            "zed": aws.add_user("zed", policy=permissions(aws, Role.SECURITY, more=READS)),
        }
        dev_arn = f"arn:aws:iam::{aws.account_id}:user/dev"
        prod_arn = aws.add_role("prod", trust(dev_arn), max_session=43200)
        sandbox = Sandbox(aws=aws, dev=dev, dev_arn=dev_arn, prod_arn=prod_arn)
        tables = {name: client(aws, "dynamodb", each) for name, each in (("dev", dev), ("bob", keys["bob"]))}
        yield Account(sandbox=sandbox, keys=keys, kms_key=key["KeyMetadata"]["Arn"], tables=tables)


@pytest.fixture
def people(sentinel: CommandLine, account: Account) -> Iterator[Team]:
    """dev requests, bob approves, carol is an approver without an approver's permissions, zed is security."""
    made = team(sentinel, account.sandbox, account.keys)
    aws = account.sandbox.aws
    sentinel.set(
        SENTINEL_STORE=f"dynamodb://{aws.account_id}@{aws.region}/{PREFIX}",
        SENTINEL_POLICIES=f"ssm://{aws.account_id}@{aws.region}/sentinel/policies",
    )
    yield made
    for each in made("list", "--mine", "--json").json["requests"]:
        how = {"pending": ("cancel",), "approved": ("cancel", "--give-back")}.get(each["status"])
        assert how is None or made(*how, each["id"]).status == 0


def write(account: Account, who: str, request: str, **values: str) -> None:
    """Somebody's own call to DynamoDB, which writes those attributes into a request."""
    names = {f"#{number}": name for number, name in enumerate(values)}
    account.tables[who].update_item(
        TableName=f"{PREFIX}requests",
        Key={"id": {"S": request}},
        UpdateExpression="SET " + ", ".join(f"{each} = :{each[1:]}" for each in names),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{number}": {"S": text} for number, text in enumerate(values.values())},
    )


def remove(account: Account, who: str, request: str, *names: str) -> None:
    """Somebody's own call to DynamoDB, which takes those attributes of a request away."""
    account.tables[who].update_item(
        TableName=f"{PREFIX}requests",
        Key={"id": {"S": request}},
        UpdateExpression="REMOVE " + ", ".join(f"#{number}" for number in range(len(names))),
        ExpressionAttributeNames={f"#{number}": name for number, name in enumerate(names)},
    )


def test_each_does_their_part_with_the_permissions_we_generate(people: Team) -> None:
    request = people.ask()
    assert people("credentials", "--profile", "prod").status == 4
    waiting = people("list", "--to-approve", "--aws-profile", "bob", "--json")
    assert [each["id"] for each in waiting.json["requests"]] == [request], waiting.err
    agreed = people.approve(request)
    assert agreed.status == 0, agreed.err
    served = people("credentials", "--profile", "prod")
    assert served.status == 0, served.err
    mine = people("list", "--mine", "--status", "approved", "--json").json["requests"]
    assert request in [each["id"] for each in mine]
    more = people("extend", request, "--duration", "10m", "--json")
    assert more.json["extends"] == request, more.err
    assert people("cancel", more.json["id"]).status == 0
    revoked = people("revoke-approval", request, "--aws-profile", "zed", "--comment", "over")
    assert revoked.status == 0, revoked.err
    assert people("credentials", "--profile", "prod").status == 4
    swept = people("sweep", "--aws-profile", "zed")
    assert swept.status == 0, swept.err


def test_weakness_4_an_approver_by_policy_alone_cannot_write_a_vote(people: Team) -> None:
    ran = people.approve(people.ask(), "carol")
    assert ran.status == 6
    assert "AccessDenied" in ran.err


def test_the_calls_that_are_refused_below_are_refused_for_what_they_write(
    people: Team, account: Account
) -> None:
    write(account, "dev", people.ask(), status="cancelled")


@pytest.mark.parametrize("name", ["votes", "approved_at", "denied_at", "revoked_at", "cut_at"])
def test_weakness_4_a_requester_cannot_write_what_approvers_write(
    people: Team, account: Account, name: str
) -> None:
    request = people.ask()
    with pytest.raises(ClientError, match="AccessDenied"):
        write(account, "dev", request, **{name: "2026-01-01"})


@pytest.mark.parametrize(
    "values", [{"duration_seconds": "99"}, {"profile": "root"}, {"person": "x"}, {"ttl": "1"}]
)
def test_weakness_21_an_approver_cannot_change_what_was_asked(
    people: Team, account: Account, values: dict[str, str]
) -> None:
    request = people.ask()
    with pytest.raises(ClientError, match="AccessDenied"):
        write(account, "bob", request, **values)


def test_what_security_revoked_no_approver_gives_back(people: Team, account: Account) -> None:
    """The approver's own permissions reach what approvers write, and not a word of security's."""
    request = people.ask()
    assert people.approve(request).status == 0
    assert people("revoke-approval", request, "--aws-profile", "zed", "--comment", "INC-1").status == 0
    for name in ("cut_at", "cut_by", "cut_comment"):
        with pytest.raises(ClientError, match="AccessDenied"):
            write(account, "bob", request, **{name: "x"})
        with pytest.raises(ClientError, match="AccessDenied"):
            remove(account, "bob", request, name)
    remove(account, "bob", request, "revoked_at", "revoked_by", "revoked_comment", "status")
    assert people("credentials", "--profile", "prod").status == 4
    stored = people("check", request, "--json").json
    assert (stored["status"], stored["revoked_by"]) == ("revoked", people.person("zed"))


def test_an_approver_revokes_in_words_of_their_own_and_security_after_them(
    people: Team, account: Account
) -> None:
    request = people.ask()
    assert people.approve(request).status == 0
    revoked = people("revoke-approval", request, "--aws-profile", "bob", "--json")
    assert revoked.status == 0, revoked.err
    assert "could not be ended" in revoked.err, "approvers have no part in sessions"
    again = people("revoke-approval", request, "--aws-profile", "bob")
    assert (again.status, "was revoked" in again.err) == (1, True)
    assert people("revoke-approval", request, "--aws-profile", "zed").status == 0
    remove(account, "bob", request, "revoked_at", "revoked_by")
    assert people("credentials", "--profile", "prod").status == 4


def test_a_revoked_approval_takes_its_sessions_with_it(people: Team, account: Account) -> None:
    request = people.ask()
    assert people.approve(request).status == 0
    running = beginning_now(a_session(7, person=people.person("dev"), override_id=request))
    people("whoami")
    people.sentinel.in_store(lambda store: store.create(running))
    revoked = people("revoke-approval", request, "--aws-profile", "zed", "--comment", "INC-1", "--json")
    assert revoked.status == 0, revoked.err
    assert (revoked.json["sessions"], revoked.json["failures"]) == ([running.id], [])
    shown = people("server-session", running.id, "--json").json
    assert (shown["status"], shown["revoked_reason"]) == (
        "revoked",
        f"approval {request} was revoked: INC-1",
    )


def test_who_may_not_see_everyones_requests_is_told_how_to_see_their_own(people: Team) -> None:
    ran = people("list")
    assert ran.status == 6
    assert "sentinel list --mine" in ran.err


def test_an_approval_signed_by_kms_counts_and_one_without_a_signature_does_not(
    people: Team, account: Account
) -> None:
    pinned = people.sentinel.home / "approvers.json"
    added = people(
        *("policy", "keys", "add", "--keys", str(pinned), "--kms-key", account.kms_key),
        *("--owner", people.person("bob"), "--aws-profile", "bob"),
    )
    assert added.status == 0, added.err
    people.sentinel.set(SENTINEL_APPROVALS_KEYS=str(pinned))
    request = people.ask()
    refused = people.approve(request)
    assert (refused.status, "is not signed" in refused.err) == (1, True)
    people.sentinel.set(SENTINEL_APPROVALS_KMS_KEY=account.kms_key)
    agreed = people.approve(request, "bob", "--comment", "seen the ticket")
    assert agreed.status == 0, agreed.err
    assert people("credentials", "--profile", "prod").status == 0


def test_weakness_4_what_administrators_write_into_the_row_grants_nothing_when_signatures_are_required(
    people: Team, account: Account
) -> None:
    request = people.ask()
    assert people.approve(request).status == 0
    assert people("credentials", "--profile", "prod").status == 0
    pinned = people.sentinel.home / "approvers.json"
    people(
        *("policy", "keys", "add", "--keys", str(pinned), "--kms-key", account.kms_key),
        *("--owner", people.person("bob"), "--aws-profile", "bob"),
    )
    people.sentinel.set(SENTINEL_APPROVALS_KEYS=str(pinned))
    refused = people("credentials", "--profile", "prod")
    assert refused.status == 4
    assert "is not signed" in people("check", request).out
    assert WHY in people("check", request).out
