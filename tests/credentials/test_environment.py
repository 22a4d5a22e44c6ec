from __future__ import annotations

import configparser
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from botocore.session import Session
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.environment import (
    CLEARED,
    ServerDoor,
    StaticCredentials,
    child_config,
    child_environment,
    keys_in,
)
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.profiles import Profiles
from sentinel_server.secret import Secret

DOOR = ServerDoor(
    url="http://127.0.0.1:4321/credentials", token=Secret("tok-en"), token_file="/run/sentinel/token"
)
END = datetime(2026, 1, 31, 9, 5, 0, 999999, UTC)
KEYS = StaticCredentials(
    credentials=AwsCredentials(
        access_key_id="ASIAX", secret_access_key=Secret("s"), session_token=Secret("t"), expires_at=END
    ),
    expires_at=END,
)
LISTED = (
    {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    | {"AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_ACCESS_KEY"}
    | {"AWS_SECRET_KEY", "AMAZON_ACCESS_KEY_ID", "AMAZON_SECRET_ACCESS_KEY"}
    | {"AMAZON_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"}
    | {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"}
    | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_SERVICE_ENDPOINT", "AWS_ACCOUNT_ID"}
    | {"MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "BOTO_CONFIG"}
    | {"AWS_CREDENTIAL_FILE", "AWS_SDK_LOAD_CONFIG", "AWS_EC2_METADATA_SERVICE_ENDPOINT"}
    | {"AWS_BEARER_TOKEN_BEDROCK"}
)


def child(
    parent: Mapping[str, str],
    door: ServerDoor | StaticCredentials | None = DOOR,
    *,
    region: str | None = "eu-west-1",
    ignore_case: bool = False,
) -> dict[str, str]:
    return child_environment(
        parent,
        profile="prod",
        region=region,
        config_file="/run/sentinel/config",
        credentials_file="/run/sentinel/credentials",
        door=door,
        ignore_case=ignore_case,
    )


def test_w34_everything_that_could_shadow_the_endpoint_is_cleared() -> None:
    assert not LISTED & set(child(dict.fromkeys(LISTED, "x")))


def test_the_child_finds_the_endpoint_whatever_its_sdk_reads() -> None:
    env = child({})
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] == "http://127.0.0.1:4321/credentials"
    assert env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == "tok-en"
    assert env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] == "/run/sentinel/token"
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert env["AWS_EC2_METADATA_DISABLED"] == "true"
    assert env["NO_PROXY"] == env["no_proxy"] == "127.0.0.1,localhost"
    assert env["AWS_CONFIG_FILE"] == "/run/sentinel/config"
    assert env["AWS_SHARED_CREDENTIALS_FILE"] == "/run/sentinel/credentials"
    assert env["AWS_SENTINEL"] == env["AWS_VAULT"] == "prod"
    assert "AWS_ACCESS_KEY_ID" not in env


def test_env_mode_sets_keys_and_their_end_and_no_endpoint_of_the_parent_survives() -> None:
    env = child(child({}), KEYS)
    assert (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"]) == (
        "ASIAX", "s", "t",
    )  # fmt: skip
    assert env["AWS_CREDENTIAL_EXPIRATION"] == "2026-01-31T09:05:00Z"
    assert not {name for name in env if name.startswith("AWS_CONTAINER_")}
    assert env["AWS_CONFIG_FILE"] == "/run/sentinel/config"


def test_long_lived_keys_set_no_empty_variables() -> None:
    keys = AwsCredentials(access_key_id="AKIAX", secret_access_key=Secret("s"))
    env = child({}, StaticCredentials(credentials=keys, expires_at=None))
    assert "AWS_SESSION_TOKEN" not in env
    assert "AWS_CREDENTIAL_EXPIRATION" not in env


def test_without_a_door_the_child_has_no_credentials_at_all() -> None:
    env = child(dict.fromkeys(LISTED, "x"), None)
    assert not {name for name in env if "CREDENTIALS_FULL" in name or "KEY" in name}


def test_what_is_no_credential_stays() -> None:
    parent = {
        "PATH": "/bin", "AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_S3": "http://y",
        "AWS_CA_BUNDLE": "/ca.pem", "AWS_MAX_ATTEMPTS": "2",
    }  # fmt: skip
    assert parent.items() <= child(parent).items()


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_one_region_variable_of_the_parent_fills_both(name: str) -> None:
    env = child({name: "us-west-2"}, region=None)
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "us-west-2"


def test_no_region_is_invented() -> None:
    assert "AWS_REGION" not in child({}, region=None)


@pytest.mark.parametrize(
    ("parent", "upper", "lower"),
    [
        ({"NO_PROXY": "corp"}, "corp,127.0.0.1,localhost", "corp,127.0.0.1,localhost"),
        ({"no_proxy": "a, b"}, "a,b,127.0.0.1,localhost", "a,b,127.0.0.1,localhost"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "a,127.0.0.1,localhost", "b,127.0.0.1,localhost"),
        ({"NO_PROXY": "localhost"}, "localhost,127.0.0.1", "localhost,127.0.0.1"),
        ({"NO_PROXY": "*"}, "*", "*"),
    ],
)
def test_loopback_is_added_to_what_bypasses_the_proxy(parent: dict[str, str], upper: str, lower: str) -> None:
    env = child(parent)
    assert (env["NO_PROXY"], env["no_proxy"]) == (upper, lower)


def test_an_address_of_its_own_bypasses_the_proxy_too() -> None:
    at = ServerDoor(
        url="http://169.254.170.2:1/credentials", host="169.254.170.2", token=Secret("t"), token_file="/t"
    )
    env = child_environment(
        {"NO_PROXY": "a"}, profile="p", region=None, config_file="/c", credentials_file="/d", door=at
    )
    assert env["NO_PROXY"] == env["no_proxy"] == "a,127.0.0.1,localhost,169.254.170.2"


def test_where_names_have_no_case_nothing_is_there_twice() -> None:
    parent = {"Aws_Profile": "x", "aws_ec2_metadata_v1_disabled": "x", "No_Proxy": "a", "Aws_Region": "r"}
    env = child(parent, region=None, ignore_case=True)
    assert len({name.upper() for name in env}) == len(env)
    assert "Aws_Profile" not in env
    assert env["No_Proxy"] == "a,127.0.0.1,localhost"
    assert env["AWS_DEFAULT_REGION"] == "r"


@given(st.dictionaries(st.sampled_from([*sorted(CLEARED), "PATH", "no_proxy", "NO_PROXY"]), st.text()))
def test_w34_a_childs_environment_made_twice_is_the_same(parent: dict[str, str]) -> None:
    once = child(parent)
    assert child(once) == once


def config_of(text: str, name: str = "prod", region: str | None = None) -> configparser.RawConfigParser:
    profile = Profiles(FileText(path="config", text=text), None).get(name)
    parser = configparser.RawConfigParser()
    parser.read_string(child_config(profile, region))
    return parser


PROD = """
[profile prod]
role_arn = arn:aws:iam::111122223333:role/Deploy
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/alice
external_id = secret-ish
region = eu-west-1
output = yaml
endpoint_url = http://127.0.0.1:5000
services = local
something_new = unknown
s3 =
    addressing_style = path
[services local]
sts =
    endpoint_url = http://127.0.0.1:5001
    secret = x
[profile keys]
aws_access_key_id = AKIAX
aws_secret_access_key = very-secret
aws_session_token = very-secret
region = eu-west-2
"""


def test_the_childs_config_has_settings_under_default_and_under_the_profiles_name() -> None:
    parser = config_of(PROD)
    assert parser.sections() == ["services local", "default", "profile prod"]
    for section in ("default", "profile prod"):
        assert set(parser.options(section)) == {"region", "output", "endpoint_url", "services", "s3"}
        assert parser.get(section, "region") == "eu-west-1"
    assert "5001" in parser.get("services local", "sts")
    assert "secret" not in parser.get("services local", "sts")


def test_w34_no_credential_and_no_way_to_one_is_copied() -> None:
    for name in ("prod", "keys"):
        text = child_config(Profiles(FileText(path="config", text=PROD), None).get(name))
        for word in ("role_arn", "source_profile", "mfa", "external", "aws_", "secret", "AKIA", "something"):
            assert word not in text


def test_a_region_asked_for_replaces_the_profiles_own() -> None:
    assert config_of(PROD, region="us-east-2").get("default", "region") == "us-east-2"


@pytest.mark.parametrize("name", ["prod", "default"])
def test_botocore_understands_the_childs_config_and_finds_no_credentials_in_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / "config").write_text(child_config(Profiles(FileText(path="c", text=PROD), None).get("prod")))
    (tmp_path / "credentials").write_text("")
    session = Session(profile=name)
    session.set_config_variable("config_file", str(tmp_path / "config"))
    session.set_config_variable("credentials_file", str(tmp_path / "credentials"))
    assert session.get_config_variable("region") == "eu-west-1"
    assert session.get_scoped_config()["s3"] == {"addressing_style": "path"}
    assert session.create_client("sts").meta.endpoint_url == "http://127.0.0.1:5001"
    assert session.get_credentials() is None


def test_the_default_profile_has_one_section_and_a_name_with_a_space_is_quoted() -> None:
    assert config_of("[default]\nregion = x\n", "default").sections() == ["default"]
    assert '[profile "a b"]' in child_config(
        Profiles(FileText(path="c", text='[profile "a b"]\nregion=x\n'), None).get("a b")
    )


def test_a_value_over_several_lines_cannot_smuggle_a_setting_in() -> None:
    text = child_config(
        Profiles(FileText(path="c", text="[profile a]\nregion = x\n  aws_access_key_id = AKIA\n"), None).get(
            "a"
        )
    )
    assert "AKIA" not in text


def test_keys_in_an_environment_are_credentials() -> None:
    env = {
        "AWS_ACCESS_KEY_ID": "ASIAX",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_SECURITY_TOKEN": "t",
        "AWS_CREDENTIAL_EXPIRATION": "2026-01-31T10:05:00+01:00",
    }
    found = keys_in(env)
    assert found == AwsCredentials(
        access_key_id="ASIAX",
        secret_access_key=Secret("s"),
        session_token=Secret("t"),
        expires_at=datetime(2026, 1, 31, 10, 5, tzinfo=timezone(timedelta(hours=1))),
    )
    assert keys_in({"AWS_ACCESS_KEY_ID": "AKIAX"}) is None
    odd = keys_in(env | {"AWS_CREDENTIAL_EXPIRATION": "soon"})
    assert odd is not None
    assert odd.expires_at is None
