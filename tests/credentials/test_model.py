from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sentinel_server.credentials.model import AwsCredentials, container_json, process_json
from sentinel_server.credentials.recursion import PASSPHRASE_COMMAND, RESOLVING, refuse_recursion
from sentinel_server.errors import Nested
from sentinel_server.secret import Secret

END = datetime(2026, 1, 31, 9, 5, 59, 999999, UTC)
SESSION = AwsCredentials(
    access_key_id="ASIAX", secret_access_key=Secret("se/cret"), session_token=Secret("to+ken"), expires_at=END
)
LONG_LIVED = AwsCredentials(access_key_id="AKIAX", secret_access_key=Secret("se/cret"))


def test_the_container_body_has_exactly_the_five_keys_sdks_want() -> None:
    assert json.loads(container_json(SESSION, END)) == {
        "Code": "Success",
        "AccessKeyId": "ASIAX",
        "SecretAccessKey": "se/cret",
        "Token": "to+ken",
        "Expiration": "2026-01-31T09:05:59Z",
    }


def test_long_lived_keys_are_never_served() -> None:
    with pytest.raises(ValueError, match="never served"):
        container_json(LONG_LIVED, END)


def test_the_process_document_has_a_token_only_when_there_is_one() -> None:
    assert json.loads(process_json(SESSION, END)) == {
        "Version": 1,
        "AccessKeyId": "ASIAX",
        "SecretAccessKey": "se/cret",
        "SessionToken": "to+ken",
        "Expiration": "2026-01-31T09:05:59Z",
    }
    assert "SessionToken" not in json.loads(process_json(LONG_LIVED, END))


def test_credentials_do_not_print_their_secrets() -> None:
    assert "se/cret" not in f"{SESSION!r} {SESSION}"
    assert "to+ken" not in f"{SESSION!r} {SESSION}"


def test_w8_a_process_that_sentinel_itself_waits_for_cannot_start_another_round() -> None:
    refuse_recursion({})
    with pytest.raises(Nested, match="'prod'"):
        refuse_recursion({RESOLVING: "prod"})
    with pytest.raises(Nested, match=r"^keyring.passphrase_command runs sentinel"):
        refuse_recursion({RESOLVING: PASSPHRASE_COMMAND})
