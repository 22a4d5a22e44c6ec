"""Credentials as text: whatever is in them, a shell that reads the text has exactly that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.credentials.exporting import FORMATS, exported
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.secret import Secret

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NASTY = "a'b\"c\\d$(touch x)`e` f\nß"


def some(secret: str, token: str | None = "token") -> AwsCredentials:
    """Credentials with that secret."""
    kept = None if token is None else Secret(token)
    return AwsCredentials(access_key_id="ASIA1", secret_access_key=Secret(secret), session_token=kept)


@pytest.mark.parametrize(
    ("form", "shell"), [("env", ("sh", "-c")), ("env", ("bash", "-c")), ("fish", ("fish", "-c"))]
)
def test_a_shell_that_reads_them_has_them_to_the_letter(form: str, shell: tuple[str, str]) -> None:
    program = shutil.which(shell[0])
    if program is None:
        pytest.skip(f"{shell[0]} is not installed here")
    text = exported(form, some(NASTY), NOON, "eu-central-1")
    done = subprocess.run(
        [program, shell[1], f"{text}\nenv -0"],
        env={"PATH": os.environ["PATH"]},  # noqa: TID251  # a test's own process
        capture_output=True,
        check=True,
    )
    seen = dict(pair.split(b"=", 1) for pair in done.stdout.split(b"\0") if pair)
    assert seen[b"AWS_SECRET_ACCESS_KEY"].decode() == NASTY
    assert seen[b"AWS_SESSION_TOKEN"] == b"token"
    assert seen[b"AWS_CREDENTIAL_EXPIRATION"] == b"2026-03-02T12:00:00Z"
    assert seen[b"AWS_REGION"] == seen[b"AWS_DEFAULT_REGION"] == b"eu-central-1"


@given(st.text(st.characters(exclude_characters="'", exclude_categories=["Cs"])))
def test_powershell_takes_everything_between_single_quotes_as_it_is(secret: str) -> None:
    assert f"$Env:AWS_SECRET_ACCESS_KEY = '{secret}'" in exported("powershell", some(secret), NOON, None)


def test_powershell_doubles_its_quotes() -> None:
    assert "= 'a''b'" in exported("powershell", some("a'b"), NOON, None)


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=50)
def test_json_has_the_names_of_the_variables(secret: str) -> None:
    found = json.loads(exported("json", some(secret, token=None), NOON, None))
    assert found == {
        "AWS_ACCESS_KEY_ID": "ASIA1",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_CREDENTIAL_EXPIRATION": "2026-03-02T12:00:00Z",
    }


def test_credential_process_is_what_sdks_read() -> None:
    found = json.loads(exported("credential_process", some("s"), NOON, "eu-central-1"))
    assert found["Version"] == 1
    assert set(FORMATS) == {"env", "fish", "powershell", "json", "credential_process"}
