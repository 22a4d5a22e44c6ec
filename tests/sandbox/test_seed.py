"""The account a demo starts from: what is written where, who may do what, and what is left behind."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError

from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.sandbox.seed import BUCKET, POLICIES, TABLE, Seeded, seed
from sentinel_server.settings.environ import read_settings
from tests.fakes.aws import client

INHERITED = {
    "PATH": os.defpath,
    "HOME": "/home/alice",
    "LANG": "C.UTF-8",
    "XDG_STATE_HOME": "/home/alice/.state",
    "AWS_ACCESS_KEY_ID": "AKIAOWN",
    "AWS_PROFILE": "alice",
    "aws_session_token": "lower-case",
    "SENTINEL_LEASE": "full",
    "Sentinel_Store": "sqlite:///elsewhere",
}
"""What somebody's own shell may hold."""
STAMP = "sentinel=0123456789abcdef=s=dev"
"""A SourceIdentity of our form."""
SESSION = {"id": {"S": "0123456789abcdef"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A seeded directory and the account that it belongs to."""

    aws: EmbeddedAws
    seeded: Seeded

    def keys(self, profile: str) -> UserKeys:
        """The long-lived keys that the credentials file gives `profile`."""
        section = read_ini(self.seeded.directory / "aws" / "credentials")[profile]
        return UserKeys(section["aws_access_key_id"], section["aws_secret_access_key"])

    def client(self, service: str, profile: str) -> Any:
        """A boto3 client with the keys of `profile`."""
        return client(self.aws, service, self.keys(profile))

    def root(self, service: str) -> Any:
        """A boto3 client of the account's root."""
        return client(self.aws, service, self.aws.root)


def read_ini(path: Path) -> configparser.ConfigParser:
    """An AWS file, read as AWS SDKs do."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(path.read_text())
    return parser


@pytest.fixture(scope="module", params=["embedded", "shared"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One seeded home at a time, of either kind."""
    with EmbeddedAws() as aws:
        directory = tmp_path_factory.mktemp("seeded")
        yield Home(aws=aws, seeded=seed(aws, directory, INHERITED, shared=request.param == "shared"))


EMBEDDED = pytest.mark.parametrize("home", ["embedded"], indirect=True)
SHARED = pytest.mark.parametrize("home", ["shared"], indirect=True)


def test_every_file_is_its_owners_alone(home: Home) -> None:
    files = [path for path in home.seeded.directory.rglob("*") if path.is_file()]
    assert len(files) >= 2 + len(POLICIES)
    ours = [path for path in files if "state" not in path.relative_to(home.seeded.directory).parts]
    assert {oct(path.stat().st_mode & 0o777) for path in ours} == {"0o600"}


@pytest.mark.parametrize("place", ["aws", "run", "config", "config/sentinel", "config/sentinel/policies"])
def test_directories_with_keys_sockets_and_policies_are_closed_to_others(home: Home, place: str) -> None:
    assert oct((home.seeded.directory / place).stat().st_mode & 0o777) == "0o700"


def test_everything_an_environment_points_at_is_below_the_directory(home: Home) -> None:
    environment = home.seeded.environment
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert Path(environment[name]).is_file()
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "LOCALAPPDATA", *xdg(environment)):
        assert Path(environment[name]).is_relative_to(home.seeded.directory)


def xdg(environment: Any) -> list[str]:
    """The names of the freedesktop variables that are set."""
    return [name for name in environment if name.startswith("XDG_")]


def test_nothing_of_the_readers_own_aws_or_sentinel_is_kept(home: Home) -> None:
    environment = home.seeded.environment
    assert {"PATH", "HOME", "LANG"} <= environment.keys()
    assert environment["HOME"] == INHERITED["HOME"]
    assert environment["XDG_STATE_HOME"] != INHERITED["XDG_STATE_HOME"]
    assert environment["AWS_PROFILE"] == "security"
    for name in ("AWS_ACCESS_KEY_ID", "aws_session_token", "SENTINEL_LEASE", "Sentinel_Store"):
        assert name not in environment


def test_what_was_inherited_is_not_changed(home: Home) -> None:
    assert home.seeded.environment is not INHERITED
    assert INHERITED["AWS_PROFILE"] == "alice"


def test_no_process_in_it_can_reach_the_real_aws(home: Home) -> None:
    config = read_ini(home.seeded.directory / "aws" / "config")
    assert home.seeded.environment["AWS_ENDPOINT_URL"] == home.aws.url
    assert home.seeded.environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert {config[section]["endpoint_url"] for section in config.sections()} == {home.aws.url}


def test_every_policy_has_a_profile_with_a_role_on_top_of_the_developer(home: Home) -> None:
    config = read_ini(home.seeded.directory / "aws" / "config")
    assert home.seeded.roles.keys() == POLICIES.keys()
    for name, arn in home.seeded.roles.items():
        assert config[f"profile {name}"]["role_arn"] == arn
        assert config[f"profile {name}"]["source_profile"] == "base"
    assert "role_arn" not in config["profile security"]


def test_roles_have_no_long_lived_keys(home: Home) -> None:
    credentials = read_ini(home.seeded.directory / "aws" / "credentials")
    assert set(credentials.sections()) == {"base", "security"}
    assert home.keys("base").access_key_id != home.keys("security").access_key_id


@pytest.mark.parametrize(("profile", "user"), [("base", "dev"), ("security", "security")])
def test_keys_are_those_of_the_user_they_are_said_to_be(home: Home, profile: str, user: str) -> None:
    arn = home.client("sts", profile).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:iam::{home.aws.account_id}:user/{user}"


@pytest.mark.parametrize("name", list(POLICIES))
def test_a_stamped_developer_is_let_in_and_sees_the_bucket(home: Home, name: str) -> None:
    given = home.client("sts", "base").assume_role(
        RoleArn=home.seeded.roles[name], RoleSessionName="demo", SourceIdentity=STAMP
    )
    assert given["SourceIdentity"] == STAMP
    made = given["Credentials"]
    keys = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
    keys["SessionToken"] = "aws_session_token"
    session = boto3.Session(**{ours: made[theirs] for theirs, ours in keys.items()})
    s3 = session.client("s3", endpoint_url=home.aws.url, region_name=home.aws.region)
    buckets = s3.list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == [BUCKET]


@pytest.mark.parametrize("name", list(POLICIES))
@pytest.mark.parametrize(
    "stamp", [None, "alice", "sentinel", "sentinel=", "sentinel=0123456789abcdef=dev", f"x{STAMP}"]
)
def test_a_role_refuses_who_has_no_stamp_or_another_one(home: Home, name: str, stamp: str | None) -> None:
    more = {} if stamp is None else {"SourceIdentity": stamp}
    with pytest.raises(ClientError, match="AccessDenied"):
        home.client("sts", "base").assume_role(
            RoleArn=home.seeded.roles[name], RoleSessionName="demo", **more
        )


def test_a_stamp_lets_nobody_in_whom_the_role_does_not_trust(home: Home) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        home.client("sts", "security").assume_role(
            RoleArn=home.seeded.roles["prod"], RoleSessionName="demo", SourceIdentity=STAMP
        )


@EMBEDDED
def test_an_embedded_home_needs_nothing_but_files(home: Home) -> None:
    policies = home.seeded.directory / "config" / "sentinel" / "policies"
    assert {path.stem: path.read_text() for path in policies.iterdir()} == POLICIES
    assert not (policies.parent / "config.yaml").exists()
    assert home.root("dynamodb").list_tables()["TableNames"] == []
    assert home.root("ssm").describe_parameters()["Parameters"] == []


@SHARED
def test_a_shared_home_has_its_policies_in_parameters(home: Home) -> None:
    found = home.root("ssm").get_parameters_by_path(Path="/sentinel/policies", Recursive=True)["Parameters"]
    assert {item["Name"].rpartition("/")[2]: item["Value"] for item in found} == POLICIES


@SHARED
def test_a_shared_home_has_its_table_and_is_told_of_it(home: Home) -> None:
    table = home.root("dynamodb").describe_table(TableName=TABLE)["Table"]
    assert (table["TableStatus"], table["KeySchema"][0]["KeyType"]) == ("ACTIVE", "HASH")
    settings = read_settings({}, home.seeded.environment)
    assert str(settings.store) == f"dynamodb://{home.aws.region}/{TABLE}"
    assert str(settings.policies) == f"ssm://{home.aws.region}/sentinel/policies"


@SHARED
@pytest.mark.parametrize(
    "undoing", ["SET revoked_at = :v", "SET ended_at = :v, revoked_at = :v", "SET revoked_by = :v"]
)
def test_a_developer_cannot_write_who_revoked_a_session_or_when(home: Home, undoing: str) -> None:
    home.root("dynamodb").put_item(TableName=TABLE, Item={**SESSION, "revoked_at": {"S": "then"}})
    developer = home.client("dynamodb", "base")
    with pytest.raises(ClientError, match="AccessDenied"):
        developer.update_item(
            TableName=TABLE,
            Key=SESSION,
            UpdateExpression=undoing,
            ExpressionAttributeValues={":v": {"S": "now"}},
        )
    row = home.root("dynamodb").get_item(TableName=TABLE, Key=SESSION)["Item"]
    assert row == {**SESSION, "revoked_at": {"S": "then"}}


@SHARED
def test_a_developer_reads_policies_and_cannot_change_them(home: Home) -> None:
    ssm = home.client("ssm", "base")
    name = "/sentinel/policies/admin"
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == POLICIES["admin"]
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.put_parameter(Name=name, Value=POLICIES["dev"], Type="String", Overwrite=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.delete_parameter(Name=name)


@SHARED
def test_a_developer_can_do_nothing_else_in_the_account(home: Home) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        home.client("s3", "base").list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        home.client("dynamodb", "base").delete_table(TableName=TABLE)
