"""The IAM documents: the same text every time, for any partition, and no wider than their role.

That AWS's rules then do what we mean is tried in `tests/sandbox/test_table_permissions.py`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sentinel_server.breakglass.model import INVOKED
from sentinel_server.errors import InvalidSetting
from sentinel_server.provisioning.desired import OWNER_ATTRIBUTES, REVOCATION_ATTRIBUTES, Family
from sentinel_server.provisioning.iam import ROLES, Role, policy, table_arn, text
from sentinel_server.provisioning.ledgers import ALWAYS
from sentinel_server.records.model import RETENTION
from sentinel_server.requests.model import SUBJECT

ARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/sentinel-sessions"


EVERY = {family: ARN.replace("sessions", family.value) for family in Family}
EACH = [(family, role) for family, roles in ROLES.items() for role in roles]
LEDGERS = [(family, role) for family, role in EACH if family is not Family.SESSIONS]


def statements(role: Role, family: Family = Family.SESSIONS) -> dict[str, Any]:
    document = json.loads(text(policy(role, {family: EVERY[family]})))
    assert document["Version"] == "2012-10-17"
    return {statement["Sid"]: statement for statement in document["Statement"]}


def written(role: Role, family: Family) -> set[str]:
    """Every attribute that a role may write in some row of a ledger, but those that all of them write."""
    named = {
        name
        for each in statements(role, family).values()
        if "Condition" in each and not each["Sid"].startswith("TellOf")
        for name in each["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    }
    return named - set(ALWAYS)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_arn_is_of_the_regions_partition(region: str, partition: str) -> None:
    arn = table_arn(region=region, account="012345678901", table="t")
    assert arn == f"arn:{partition}:dynamodb:{region}:012345678901:table/t"


@pytest.mark.parametrize("account", ["", "1", "11112222333x", "1111222233334", "\uff11" * 12])
def test_what_is_no_account_is_refused(account: str) -> None:
    with pytest.raises(InvalidSetting):
        table_arn(region="eu-west-1", account=account, table="t")


@pytest.mark.parametrize(("family", "role"), EACH)
def test_a_document_is_the_same_every_time_and_names_one_table(family: Family, role: Role) -> None:
    arn = EVERY[family]
    assert text(policy(role, EVERY)) == text(policy(role, EVERY))
    for statement in statements(role, family).values():
        assert statement["Effect"] == "Allow"
        assert all(
            resource == arn or resource.startswith(f"{arn}/index/") for resource in statement["Resource"]
        )
        assert not any("*" in action for action in statement["Action"])


@pytest.mark.parametrize(("family", "role"), EACH)
def test_nobody_may_delete_scan_write_in_batches_or_use_partiql(family: Family, role: Role) -> None:
    allowed = {action for each in statements(role, family).values() for action in each["Action"]}
    reading = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
    if role is Role.NOTIFIER:
        reading = {"dynamodb:Query"}
    if family is Family.SESSIONS:
        reading.add("dynamodb:DescribeTable")
    writing = set[str]() if role is Role.AUDITOR else {"dynamodb:UpdateItem"}
    if (family, role) == (Family.SESSIONS, Role.SECURITY):
        writing.add("dynamodb:PutItem")
    assert allowed == reading | writing


@pytest.mark.parametrize("role", Role)
def test_a_role_with_several_tables_is_one_document_that_iam_takes(role: Role) -> None:
    document = json.loads(text(policy(role, EVERY)))
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids) > 0
    assert all(sid.isalnum() for sid in sids)
    assert len(json.dumps(document, separators=(",", ":"))) <= 6144, "the limit of a managed policy"


def test_what_is_asked_and_what_is_decided_are_written_by_different_roles() -> None:
    requester, approver = written(Role.REQUESTER, Family.REQUESTS), written(Role.APPROVER, Family.REQUESTS)
    assert requester & approver == {"status"}, "which is only for finding requests"
    assert set(SUBJECT) <= requester | {"id"}
    assert {"votes", "approved_at", "denied_at", "revoked_at"} <= approver


def test_who_opens_and_who_reviews_are_different_roles() -> None:
    invoker, reviewer = written(Role.INVOKER, Family.BREAKGLASS), written(Role.REVIEWER, Family.BREAKGLASS)
    assert invoker & reviewer == {"status"}, "each closes it by words of their own"
    assert {"ended_at", "ended_by", "ended_reason"} <= invoker
    assert {"closed_at", "closed_by", "closed_reason"} <= reviewer
    assert set(INVOKED) <= invoker | {"id"}
    assert "reviewed_justified" in reviewer


@pytest.mark.parametrize(("family", "role"), LEDGERS)
def test_what_security_ended_nobody_else_may_write_and_it_writes_no_ending_of_others(
    family: Family, role: Role
) -> None:
    endings = {name for name in written(role, family) if name.endswith("_at")}
    cut = {name for name in written(role, family) if name.startswith("cut_")}
    assert len(cut) == (3 if role is Role.SECURITY else 0)
    theirs = {"revoked_at", "denied_at", "cancelled_at", "closed_at", "ended_at", "reviewed_at"}
    assert role is not Role.SECURITY or not endings & theirs


@pytest.mark.parametrize(("family", "role"), LEDGERS)
def test_only_security_may_let_a_request_or_an_emergency_be_forgotten(family: Family, role: Role) -> None:
    """The others say it of what they count and tell alone, whose keys have a `#`."""
    for statement in statements(role, family).values():
        condition = statement.get("Condition", {})
        if RETENTION not in condition.get("ForAllValues:StringEquals", {}).get("dynamodb:Attributes", ()):
            continue
        of_all = not all("#" in key for key in condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        assert not of_all or role is Role.SECURITY


def test_a_notifier_finds_and_writes_messages_alone_and_publishes_to_its_topics() -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:emergencies"
    document: Any = policy(Role.NOTIFIER, EVERY, [topic])
    found = {each["Sid"]: each for each in document["Statement"]}
    assert found.pop("Publish") == {
        "Sid": "Publish",
        "Effect": "Allow",
        "Action": ["sns:Publish"],
        "Resource": [topic],
    }
    reads = [each for each in found.values() if each["Action"] == ["dynamodb:Query"]]
    writes = [each for each in found.values() if each["Action"] == ["dynamodb:UpdateItem"]]
    assert len(reads) + len(writes) == len(found) == 4
    assert {resource.rpartition("/")[2] for each in reads for resource in each["Resource"]} == {"gsi-outbox"}
    for each in writes:
        assert each["Condition"]["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": ["outbox#*"]}
    assert "Publish" not in str(policy(Role.NOTIFIER, EVERY)), "a topic that nobody named is nobody's"
    assert "Publish" not in str(policy(Role.SECURITY, EVERY, [topic]))


@pytest.mark.parametrize(("family", "role"), LEDGERS)
def test_every_write_in_a_ledger_is_of_named_attributes_of_named_keys(family: Family, role: Role) -> None:
    for statement in statements(role, family).values():
        if "Condition" in statement:
            condition = statement["Condition"]
            assert condition["Null"] == {"dynamodb:Attributes": "false", "dynamodb:LeadingKeys": "false"}
            assert set(condition) & {"ForAllValues:StringLike", "ForAllValues:StringNotLike"}


def test_a_holder_writes_its_own_attributes_and_no_block() -> None:
    condition = statements(Role.DEVELOPER)["HoldSessions"]["Condition"]
    writable = condition["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert writable == sorted(OWNER_ATTRIBUTES)
    assert not set(writable) & set(REVOCATION_ATTRIBUTES)
    assert condition["ForAllValues:StringNotLike"] == {"dynamodb:LeadingKeys": ["block#*"]}


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.SECURITY])
def test_every_write_is_of_named_attributes_of_named_keys(role: Role) -> None:
    """`ForAllValues` alone would let a request pass that has no such key at all."""
    writes = [each for sid, each in statements(role).items() if sid != "ReadSessionsAndBlocks"]
    assert writes
    for statement in writes:
        condition = statement["Condition"]
        assert condition["Null"] == {"dynamodb:Attributes": "false", "dynamodb:LeadingKeys": "false"}
        assert condition["ForAllValues:StringNotEquals"] == {
            "dynamodb:EnclosingOperation": ["TransactWriteItems"]
        }
