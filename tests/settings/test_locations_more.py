"""Laws of the URLs: what is told to people can be typed again, and what is refused is named."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.locations import (
    DynamoDbLocation,
    FilePolicies,
    SqliteLocation,
    SsmPolicies,
    parse_parameter,
    parse_policies,
    parse_store,
    parse_table,
)

WORD = string.ascii_letters + string.digits + "_.-"
ACCOUNTS = st.none() | st.text(string.digits, min_size=12, max_size=12)
REGION = st.sampled_from(["eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1"])
REGIONS = st.none() | REGION
NAMES = st.text(WORD, min_size=3, max_size=60)
PATHS = st.lists(st.text(WORD + " é#?%", min_size=1, max_size=12), min_size=1, max_size=5).map(
    lambda parts: Path("/", *parts)
)
ROOTS = st.lists(st.text(WORD, min_size=1, max_size=12), min_size=1, max_size=5).map(
    lambda parts: "/" + "/".join(parts)
)
ACCOUNT = "111122223333"


@given(PATHS)
def test_a_file_and_a_directory_are_read_back_as_they_are_told(path: Path) -> None:
    store, policies = SqliteLocation(path=path), FilePolicies(directory=path)
    assert parse_store(str(store)) == store
    assert parse_policies(str(policies)) == policies


@given(ROOTS, REGIONS, ACCOUNTS)
def test_a_path_of_parameters_is_read_back_as_it_is_told(
    root: str, region: str | None, account: str | None
) -> None:
    location = SsmPolicies(root=root, region=region, account=account)
    assert parse_policies(str(location)) == location


@given(ROOTS)
def test_a_slash_at_the_end_of_a_path_means_nothing(root: str) -> None:
    assert parse_policies(f"ssm://{root}/") == parse_policies(f"ssm://{root}")


@given(st.text(WORD, max_size=40), REGIONS, ACCOUNTS)
def test_a_prefix_region_and_account_name_one_table(
    prefix: str, region: str | None, account: str | None
) -> None:
    url = f"dynamodb://{account + '@' if account else ''}{region or ''}/{prefix}"
    table = f"{prefix or 'sentinel-'}sessions"
    assert parse_store(url) == DynamoDbLocation(table=table, region=region, account=account)


@given(NAMES, REGION, st.text(string.digits, min_size=12, max_size=12))
def test_an_arn_says_the_table_its_region_and_its_account(name: str, region: str, account: str) -> None:
    for partition in ("aws", "aws-cn", "aws-us-gov"):
        found = parse_table(f"arn:{partition}:dynamodb:{region}:{account}:table/{name}")
        assert found == DynamoDbLocation(table=name, region=region, account=account)
    assert parse_table(name) == DynamoDbLocation(table=name)


@given(ROOTS)
def test_one_parameter_is_told_as_the_one_it_is(name: str) -> None:
    assert str(parse_parameter(name)) == f"ssm://{name}"


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parse_store, "sqlite://relative/s.db"),
        (parse_store, "sqlite://"),
        (parse_store, "sqlite://./s.db"),
        (parse_store, "file:///s.db"),
        (parse_store, "dynamodb://eu-central/x-"),
        (parse_store, "dynamodb://EU-CENTRAL-1/x-"),
        (parse_store, "dynamodb://1111222233334@eu-central-1/x-"),
        (parse_store, "dynamodb://eu-central-1/x-?y"),
        (parse_store, "dynamodb:// eu-central-1/x-"),
        (parse_policies, "file://../policies"),
        (parse_policies, "file://"),
        (parse_policies, "ssm://eu-central-1@/a"),
        (parse_policies, "ssm://11112222333@/a"),
        (parse_policies, "ssm:///a?b"),
        (parse_policies, "ssm:////"),
        (parse_policies, "sqlite:///policies"),
        (parse_table, f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/"),
        (parse_table, f"arn:aws:dynamodb:eu-central-1:{ACCOUNT}:table/x-sessions/index/by-user"),
        (parse_table, "arn:aws:dynamodb:eu-central-1:1111:table/x-sessions"),
        (parse_table, f"arn:aws:dynamodb::{ACCOUNT}:table/x-sessions"),
        (parse_table, "dynamodb://eu-central-1/x-"),
        (parse_parameter, f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/a"),
        (parse_parameter, "a/b"),
    ],
)
def test_what_is_refused_is_named(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read(text)
    assert repr(text) in caught.value.message
    assert (caught.value.exit_status, bool(caught.value.hint)) == (2, True)


@given(st.sampled_from([("sqlite://", parse_store), ("file://", parse_policies)]), st.text(WORD, max_size=20))
def test_a_path_that_depends_on_where_one_stands_is_refused(
    kind: tuple[str, Callable[[str], object]], path: str
) -> None:
    scheme, read = kind
    with pytest.raises(InvalidSetting, match="absolute"):
        read(scheme + path)


@pytest.mark.parametrize(("scheme", "read"), [("sqlite://", parse_store), ("file://", parse_policies)])
def test_the_home_of_nobody_is_refused(scheme: str, read: Callable[[str], object]) -> None:
    with pytest.raises(InvalidSetting, match="nobody has that home"):
        read(f"{scheme}~no-such-person-here/x")
