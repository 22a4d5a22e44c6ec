"""`profiles`: every profile, where its credentials come from, and what is there of it already."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel_server.clock import SystemClock, whole_seconds
from sentinel_server.credentials.sso import Login
from sentinel_server.keyring.names import session_name
from sentinel_server.keyring.vault import Item
from sentinel_server.secret import Secret
from sentinel_server.wiring import open_keyring
from tests.fakes.command_line import CommandLine
from tests.fakes.sessions import a_session, beginning_now
from tests.fakes.vaults import BACKEND

CONFIG = """\
[default]
region = eu-central-1
[profile base]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
region = us-east-1
[profile prod]
role_arn = arn:aws:iam::111122223333:role/team/Admin
source_profile = base
mfa_serial = arn:aws:iam::999988887777:mfa/dev
[profile on-ec2]
role_arn = arn:aws-cn:iam::111122223333:role/Node
credential_source = Ec2InstanceMetadata
[profile corp]
sso_session = corp
sso_account_id = 444455556666
sso_role_name = ReadOnly
[profile through-corp]
role_arn = arn:aws:iam::111122223333:role/Deploy
source_profile = corp
[profile tool]
credential_process = /usr/bin/tool
[profile ci]
role_arn = arn:aws:iam::111122223333:role/ci
web_identity_token_file = /var/token
[profile broken]
role_arn = nonsense
[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
"""
SECRETS = ("wJalrXUtnFEMI", "AKIAIOSFODNN7EXAMPLE", "canary-token-of-someone")
HOUR = timedelta(hours=1)


@pytest.fixture
def home(sentinel: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A home with a profile of every kind."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    (sentinel.home / ".aws").mkdir()
    (sentinel.home / ".aws" / "config").write_text(CONFIG)
    return sentinel


def shown(home: CommandLine) -> dict[str, dict[str, Any]]:
    ran = home("profiles", "--json")
    assert ran.status == 0, ran.err
    return {each["name"]: each for each in ran.json["profiles"]}


def rows(home: CommandLine) -> dict[str, list[str]]:
    """The human table's cells, by profile."""
    _, *lines = home("profiles").out.splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines}


def logged_in(home: CommandLine, until: datetime, **more: str) -> None:
    """Leave a token where the AWS CLI does."""
    login = Login(start_url="https://corp.awsapps.com/start", region="eu-west-1", session="corp")
    cache = home.home / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "canary-token-of-someone", "expiresAt": whole_seconds(until), **more}
    (cache / f"{login.key}.json").write_text(json.dumps(token))


def now() -> datetime:
    return SystemClock().now()


def test_every_profile_says_where_it_leads(home: CommandLine) -> None:
    found = shown(home)
    kinds = {name: (each["kind"], each["base"]) for name, each in found.items()}
    assert kinds == {
        "default": ("environment", None),
        "base": ("static", None),
        "prod": ("static", "base"),
        "on-ec2": ("instance", None),
        "corp": ("sso", None),
        "through-corp": ("sso", "corp"),
        "tool": ("process", None),
        "ci": ("web-identity", None),
        "broken": (None, None),
    }
    prod = found["prod"]
    assert (prod["account"], prod["role"], prod["region"]) == ("111122223333", "Admin", "us-east-1")
    assert prod["mfa_serial"] == "arn:aws:iam::999988887777:mfa/dev"
    assert (found["corp"]["account"], found["corp"]["role"]) == ("444455556666", "ReadOnly")
    assert "role_arn" in found["broken"]["problem"]


def test_people_see_a_table_of_eighty_columns_and_what_is_broken(home: CommandLine) -> None:
    ran = home("profiles")
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []
    assert ran.out.splitlines()[0].split() == ["PROFILE", "FROM", "ACCOUNT", "ROLE", "LEFT"]
    assert rows(home)["prod"] == ["static", "(base)", "111122223333", "Admin", "-"]
    assert rows(home)["broken"][0] == "broken"
    assert ran.err.startswith("sentinel: broken: profile 'broken' in ")


def test_what_a_login_has_left_is_seen_on_all_that_use_it(home: CommandLine) -> None:
    logged_in(home, now() + 7 * HOUR + timedelta(minutes=30, seconds=30))
    assert rows(home)["corp"][-2:] == rows(home)["through-corp"][-2:] == ["login", "7h30m"]
    assert rows(home)["prod"][-1] == "-"
    found = shown(home)["through-corp"]
    assert (found["login_renews"], found["login_until"] is None) == (False, False)


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({}, "over"),
        (
            {
                "refreshToken": "canary-token-of-someone",
                "clientId": "id",
                "clientSecret": "canary-token-of-someone",
                "registrationExpiresAt": "2999-01-01T00:00:00Z",
            },
            "renews",
        ),
    ],
)
def test_a_login_that_is_over_may_renew_itself(home: CommandLine, more: dict[str, str], left: str) -> None:
    logged_in(home, now() - HOUR, **more)
    assert rows(home)["corp"][-2:] == ["login", left]


def test_a_kept_session_and_keys_in_the_keyring_are_seen_without_opening_it(home: CommandLine) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-token-of-someone"}
    home.set(SENTINEL_KEYRING_BACKEND=BACKEND, **keys)
    assert home("keyring", "add", "kept", "--env").status == 0
    vault = open_keyring(home.settings).vault
    item = Item(value=Secret("canary-token-of-someone"), until=now() + HOUR + timedelta(seconds=30))
    asyncio.run(vault.change({session_name("base", {"a": 1}): item}))
    assert shown(home)["kept"]["kind"] == "keyring"
    assert rows(home)["base"][-2:] == rows(home)["prod"][-2:] == ["session", "1h"]


def test_a_running_server_counts_before_all_else(home: CommandLine) -> None:
    logged_in(home, now() + HOUR)
    session = beginning_now(a_session(profile="corp"))
    home.in_store(lambda store: store.create(session))
    assert rows(home)["corp"][-2] == "server"
    found = shown(home)["corp"]
    assert (found["server"], found["server_until"]) == (session.id, whole_seconds(session.expires_at))
    home.in_store(lambda store: store.end(session.id, now()))
    assert rows(home)["corp"][-2] == "login"


def test_looking_makes_no_store_and_asks_no_aws(home: CommandLine) -> None:
    home.set(AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert home("profiles").status == 0
    assert not home.settings.directories.state.exists()
    home.set(SENTINEL_STORE="dynamodb://eu-west-1/sentinel-")
    ran = home("profiles", "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.json["not_asked"] == ["running servers were not asked for, because they are in DynamoDB"]


def test_csv_has_a_column_for_everything(home: CommandLine) -> None:
    logged_in(home, now() + HOUR)
    table = list(csv.DictReader(io.StringIO(home("profiles", "--output", "csv").out)))
    assert [row["name"] for row in table] == list(shown(home))
    assert set(table[0]) == set(shown(home)["base"])


@pytest.mark.parametrize("form", ["human", "json", "csv"])
def test_no_form_has_a_secret(home: CommandLine, form: str) -> None:
    logged_in(home, now() + HOUR, refreshToken="canary-token-of-someone")
    ran = home("profiles", "--output", form)
    assert not any(secret in ran.out + ran.err for secret in SECRETS)


def test_a_configuration_that_cannot_be_read_is_named(home: CommandLine) -> None:
    (home.home / ".aws" / "config").write_text("[profile")
    ran = home("profiles")
    assert (ran.status, str(Path(".aws") / "config") in ran.err) == (2, True)


def test_the_two_lists_point_to_each_other(home: CommandLine) -> None:
    assert "sentinel list" in home("profiles", "--help").out
    assert "sentinel profiles" in home("list", "--help").out
