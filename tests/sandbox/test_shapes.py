"""Every rule that STS's own model states about a parameter is enforced, in STS's words."""

from __future__ import annotations

import re

import pytest

from sentinel_server.sandbox.shapes import operation_input, parameters, to_python, violations
from sentinel_server.sandbox.sts import check_parameters
from sentinel_server.sandbox.wire import Refusal

ROLE = "arn:aws:iam::111122223333:role/prod"
GOOD = {"RoleArn": ROLE, "RoleSessionName": "work"}


def complaint(operation: str, form: dict[str, str]) -> str:
    with pytest.raises(Refusal) as refused:
        check_parameters(operation, form)
    assert refused.value.code == "ValidationError"
    return refused.value.message


PATTERNED = [
    ("arnType", "AssumeRole", {**GOOD, "RoleArn": "arn:aws:iam::1:role/\x01" + "x" * 10}, "roleArn"),
    ("roleSessionNameType", "AssumeRole", {**GOOD, "RoleSessionName": "a b"}, "roleSessionName"),
    ("unrestrictedSessionPolicyDocumentType", "AssumeRole", {**GOOD, "Policy": "{\u0100}"}, "policy"),
    ("externalIdType", "AssumeRole", {**GOOD, "ExternalId": "a b"}, "externalId"),
    ("serialNumberType", "AssumeRole", {**GOOD, "SerialNumber": "arn aws mfa"}, "serialNumber"),
    ("tokenCodeType", "AssumeRole", {**GOOD, "TokenCode": "12345x"}, "tokenCode"),
    ("sourceIdentityType", "AssumeRole", {**GOOD, "SourceIdentity": "sentinel:dev:1"}, "sourceIdentity"),
    (
        "tagKeyType",
        "AssumeRole",
        {**GOOD, "Tags.member.1.Key": "a!", "Tags.member.1.Value": "b"},
        "tags.1.member.key",
    ),
    (
        "tagValueType",
        "AssumeRole",
        {**GOOD, "Tags.member.1.Key": "a", "Tags.member.1.Value": "b!"},
        "tags.1.member.value",
    ),
    ("accessKeyIdType", "GetAccessKeyInfo", {"AccessKeyId": "AKIA-7890123456789"}, "accessKeyId"),
    ("userNameType", "GetFederationToken", {"Name": "a b"}, "name"),
    ("sessionPolicyDocumentType", "GetFederationToken", {"Name": "ann", "Policy": "{\u0100}"}, "policy"),
]
REPLY_ONLY = {"assumedRoleIdType", "federatedIdType"}
"""Shapes that only replies use."""


@pytest.mark.parametrize(
    ("shape", "operation", "form", "where"), PATTERNED, ids=[case[0] for case in PATTERNED]
)
def test_a_value_outside_a_shapes_pattern_is_refused(
    shape: str, operation: str, form: dict[str, str], where: str
) -> None:
    said = complaint(operation, form)
    assert said.startswith("1 validation error detected: Value '")
    assert (
        f"' at '{where}' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        in said
    )


def test_every_request_shape_of_sts_with_a_pattern_has_a_case_here() -> None:
    from botocore.loaders import Loader

    shapes = Loader().load_service_model("sts", "service-2")["shapes"]
    patterned = {name for name, shape in shapes.items() if "pattern" in shape}
    assert patterned == {case[0] for case in PATTERNED} | REPLY_ONLY


def test_a_colon_in_a_stamp_is_refused_in_stss_own_words() -> None:
    assert complaint("AssumeRole", {**GOOD, "SourceIdentity": "sentinel:x"}) == (
        "1 validation error detected: Value 'sentinel:x' at 'sourceIdentity' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    )


@pytest.mark.parametrize("stamp", ["sentinel=u.dév=d=1", "sentinel=u.dev=d=1\n", "\uff11\uff12\uff13"])
def test_patterns_are_ascii_and_match_the_whole_value(stamp: str) -> None:
    assert "regular expression" in complaint("AssumeRole", {**GOOD, "SourceIdentity": stamp})


@pytest.mark.parametrize(
    ("form", "rule"),
    [
        (
            {"SourceIdentity": "s"},
            "Member must have length greater than or equal to 2",
        ),
        ({"SourceIdentity": "s" * 65}, "Member must have length less than or equal to 64"),
        (
            {"RoleSessionName": "s" * 65},
            "'roleSessionName' failed to satisfy constraint: Member must have length less than",
        ),
        (
            {"DurationSeconds": "899"},
            "Member must have value greater than or equal to 900",
        ),
        ({"DurationSeconds": "43201"}, "Member must have value less than or equal to 43200"),
        ({"DurationSeconds": "long"}, "Member must be a number"),
    ],
)
def test_lengths_and_ranges_are_kept(form: dict[str, str], rule: str) -> None:
    assert rule in complaint("AssumeRole", GOOD | form)


def test_every_violation_is_told_at_once() -> None:
    said = complaint("AssumeRole", {"RoleArn": "x", "SourceIdentity": ":"})
    assert said.startswith("4 validation errors detected: ")
    assert "Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null" in said


def test_there_may_be_fifty_tags() -> None:
    tags = {f"Tags.member.{n}.{part}": "x" for n in range(1, 52) for part in ("Key", "Value")}
    assert (
        "at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"
        in complaint("AssumeRole", GOOD | tags)
    )


def test_tag_keys_may_be_letters_of_any_script() -> None:
    assert to_python(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+").fullmatch("Größe 名前 १")


def test_the_form_becomes_nested_parameters() -> None:
    form = GOOD | {
        "DurationSeconds": "900",
        "Tags.member.1.Key": "a",
        "Tags.member.1.Value": "",
        "TransitiveTagKeys.member.1": "a",
    }
    shape = operation_input("sts", "AssumeRole")
    assert violations(shape, form) == []
    assert parameters(shape, form) == {
        **GOOD,
        "DurationSeconds": 900,
        "Tags": [{"Key": "a", "Value": ""}],
        "TransitiveTagKeys": ["a"],
    }


def test_an_operation_sts_does_not_have_is_an_invalid_action() -> None:
    with pytest.raises(Refusal, match=re.escape("InvalidAction")):
        check_parameters("AssumeEverything", {})
