"""What the URLs and names of stores and policies mean, and that nothing else means anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.locations import (
    DynamoDbLocation,
    FilePolicies,
    PolicyLocation,
    SqliteLocation,
    SsmPolicies,
    StoreLocation,
    beside,
    parse_parameter,
    parse_policies,
    parse_side,
    parse_store,
    parse_table,
)

ACCOUNT = "111122223333"


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("sqlite:///var/lib/s.db", SqliteLocation(path=Path("/var/lib/s.db"))),
        (
            "dynamodb://eu-central-1/x-",
            DynamoDbLocation(table="x-sessions", region="eu-central-1"),
        ),
        (
            f"dynamodb://{ACCOUNT}@us-gov-west-1/",
            DynamoDbLocation(table="sentinel-sessions", region="us-gov-west-1", account=ACCOUNT),
        ),
        ("dynamodb://eu-central-1", DynamoDbLocation(table="sentinel-sessions", region="eu-central-1")),
        ("dynamodb:///team-", DynamoDbLocation(table="team-sessions")),
    ],
)
def test_a_store_url_names_a_file_or_a_table(text: str, location: StoreLocation) -> None:
    assert parse_store(text) == location


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/var/lib/s.db",
        "sqlite://relative.db",
        "sqlite:",
        "dynamodb:eu-central-1",
        "dynamodb://eu-central-1/x/y",
        "dynamodb://12345@eu-central-1/x",
        "dynamodb://" + "\N{FULLWIDTH DIGIT ONE}" * 12 + "@eu-central-1/x",
        "DYNAMODB://eu-central-1/x",
        "dynamodb://eu-central-1/x-\n",
        "https://eu-central-1/x",
    ],
)
def test_any_other_store_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        parse_store(text)


def test_a_table_is_named_or_given_as_an_arn() -> None:
    assert parse_table("x-sessions") == DynamoDbLocation(table="x-sessions")
    arn = f"arn:aws-us-gov:dynamodb:us-gov-west-1:{ACCOUNT}:table/x-sessions"
    assert parse_table(arn) == DynamoDbLocation(table="x-sessions", region="us-gov-west-1", account=ACCOUNT)


@pytest.mark.parametrize(
    "text",
    ["", "ab", "x sessions", "x/y/z", f"arn:aws:sqs:eu-central-1:{ACCOUNT}:table/x-sessions", "x" * 256],
)
def test_any_other_table_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        parse_table(text)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("file:///etc/sentinel", FilePolicies(directory=Path("/etc/sentinel"))),
        ("ssm:///sentinel/policies", SsmPolicies(root="/sentinel/policies")),
        ("ssm://eu-central-1/a/b/", SsmPolicies(root="/a/b", region="eu-central-1")),
        (f"ssm://{ACCOUNT}@/a", SsmPolicies(root="/a", account=ACCOUNT)),
        (
            f"ssm://{ACCOUNT}@eu-central-1/a",
            SsmPolicies(root="/a", region="eu-central-1", account=ACCOUNT),
        ),
    ],
)
def test_a_policies_url_names_a_directory_or_a_path_of_parameters(
    text: str, location: PolicyLocation
) -> None:
    assert parse_policies(text) == location


@pytest.mark.parametrize(
    "text", ["", "file://here", "ssm://", "ssm:///", "ssm://eu-central-1", "ssm:///a b", "/a"]
)
def test_any_other_place_of_policies_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        parse_policies(text)


def test_one_parameter_is_named_in_full() -> None:
    assert parse_parameter("/sentinel/policies/prod") == SsmPolicies(parameter="/sentinel/policies/prod")
    for text in ("prod", "/", "/a b", "/a\n"):
        with pytest.raises(InvalidSetting):
            parse_parameter(text)


def test_a_home_is_written_as_a_tilde() -> None:
    assert parse_store("sqlite://~/s.db") == SqliteLocation(path=Path("~/s.db").expanduser())


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (SqliteLocation(path=Path("/s.db")), "sqlite:///s.db"),
        (DynamoDbLocation(table="t"), "dynamodb:///t"),
        (
            DynamoDbLocation(table="t", region="eu-central-1", account=ACCOUNT),
            f"dynamodb://{ACCOUNT}@eu-central-1/t",
        ),
        (FilePolicies(directory=Path("/p")), "file:///p"),
        (SsmPolicies(root="/r", region="eu-central-1"), "ssm://eu-central-1/r"),
        (SsmPolicies(parameter="/one", account=ACCOUNT), f"ssm://{ACCOUNT}@/one"),
    ],
)
def test_a_place_is_told_to_people_as_a_url(location: StoreLocation | PolicyLocation, text: str) -> None:
    assert str(location) == text


@given(st.text(max_size=60))
def test_no_text_breaks_a_reader(text: str) -> None:
    for read in (parse_store, parse_table, parse_policies, parse_parameter):
        try:
            read(text)
        except InvalidSetting as error:
            assert "\n" not in error.message  # noqa: PT017  # which of the two happens is not the point


@pytest.mark.parametrize(
    ("policies", "side"),
    [
        ("file:///etc/sentinel/policies", "file:///etc/sentinel/approvals.yaml"),
        ("ssm:///sentinel/policies", "ssm:///sentinel/approvals"),
        ("ssm://111122223333@eu-west-1/acme/policies", "ssm://111122223333@eu-west-1/acme/approvals"),
        ("ssm:///policies", "ssm:///approvals"),
    ],
)
def test_a_side_policy_lies_beside_the_policies(policies: str, side: str) -> None:
    assert str(beside(parse_policies(policies), "approvals")) == side
    assert beside(parse_policies(policies), "approvals") == parse_side(side)


def test_beside_one_parameter_is_the_usual_place() -> None:
    assert str(beside(parse_parameter("/odd/one"), "ratelimits")) == "ssm:///sentinel/ratelimits"


@pytest.mark.parametrize("text", ["approvals.yaml", "file://x.yaml", "file:///", "ssm://", "ssm:///"])
def test_what_names_no_document_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting):
        parse_side(text)
