"""What a child is told of its door, before the door is there, and when that may be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sentinel_server.errors import InvalidSetting, UnknownProfile
from sentinel_server.settings.environ import read_settings
from sentinel_server.settings.resolve import Settings
from sentinel_server.wiring import needs_nobody, open_entrance, profiles, runtime_directory

CONFIG = """\
[profile keys]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = example

[profile role]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = keys

[profile chained]
role_arn = arn:aws:iam::111122223333:role/deep
source_profile = role

[profile coded]
role_arn = arn:aws:iam::111122223333:role/dev
source_profile = keys
mfa_serial = arn:aws:iam::111122223333:mfa/dev

[profile login]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 111122223333
sso_role_name = Developer

[profile program]
credential_process = /usr/bin/ask-somebody

[profile empty]
region = eu-central-1
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a home with profiles of several kinds."""
    (tmp_path / "config").write_text(CONFIG)
    return of(tmp_path)


def of(home: Path, **more: str) -> Settings:
    return read_settings({}, {"HOME": str(home), "AWS_CONFIG_FILE": str(home / "config"), **more})


@pytest.mark.parametrize("name", ["keys", "role", "chained"])
def test_keys_in_a_file_need_nobody(settings: Settings, name: str) -> None:
    assert needs_nobody(settings, profiles(settings), name)


@pytest.mark.parametrize("name", ["coded", "login", "program", "empty"])
def test_whatever_may_ask_somebody_is_settled_before_a_command_starts(settings: Settings, name: str) -> None:
    assert not needs_nobody(settings, profiles(settings), name)


def test_a_control_profile_may_ask_somebody_too(tmp_path: Path, settings: Settings) -> None:
    assert not needs_nobody(of(tmp_path, SENTINEL_CONTROL_PROFILE="login"), profiles(settings), "keys")


def test_what_is_no_profile_is_said(settings: Settings) -> None:
    with pytest.raises(UnknownProfile):
        needs_nobody(settings, profiles(settings), "nobody")


def test_who_connects_before_anybody_serves_waits(settings: Settings, socket_enabled: None) -> None:
    with open_entrance(settings) as entrance:
        port = entrance.port
        assert entrance.url == f"http://127.0.0.1:{entrance.port}/credentials"
        with socket.create_connection(("127.0.0.1", entrance.port), timeout=5) as early:
            accepted, peer = entrance.listener.accept()
            with accepted:
                assert peer == early.getsockname()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_each_entrance_has_a_token_of_its_own_and_shows_it_to_nobody(settings: Settings) -> None:
    with open_entrance(settings) as one, open_entrance(settings) as other:
        assert one.token.reveal() != other.token.reveal()
        assert one.token.reveal() not in repr(one)


def test_a_port_that_is_taken_is_one_clear_error(tmp_path: Path, settings: Settings) -> None:
    with open_entrance(settings) as first:
        taken = of(tmp_path, SENTINEL_SERVER_PORT=str(first.port))
        with pytest.raises(InvalidSetting, match="the port is taken"), open_entrance(taken):
            pass


def test_private_files_go_with_their_directory(tmp_path: Path, settings: Settings) -> None:
    with runtime_directory(of(tmp_path, TMPDIR=str(tmp_path))) as write:
        path = write("token", "t")
        assert path.read_text() == "t"
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.parent.exists()
