"""The console's address: every partition's own, and never a way out of the console."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.credentials.console import SITES, destination, session_document, sign_in_url, site_of
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import BadInput
from sentinel_server.secret import Secret

SESSION = AwsCredentials(
    access_key_id="ASIA1", secret_access_key=Secret("secret"), session_token=Secret("token")
)


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
    ],
)
def test_every_public_partition_has_its_own_console(partition: str, host: str) -> None:
    site = site_of(partition)
    assert urlsplit(destination(site, "s3", "x-1")).hostname == host
    assert destination(site, None, None) == f"https://{host}/console/home"


def test_a_partition_whose_console_is_not_public_is_refused() -> None:
    with pytest.raises(BadInput, match="aws-iso"):
        site_of("aws-iso")


@given(st.text())
def test_no_service_leads_anywhere_but_into_the_console(service: str) -> None:
    try:
        where = urlsplit(destination(SITES["aws"], service, "eu-central-1"))
    except BadInput:
        return
    assert (where.scheme, where.netloc) == ("https", "console.aws.amazon.com")
    assert where.query == "region=eu-central-1"
    assert ".." not in where.path


def test_the_session_is_told_whole_and_prints_as_nothing() -> None:
    document = session_document(SESSION)
    assert json.loads(document.reveal()) == {
        "sessionId": "ASIA1",
        "sessionKey": "secret",
        "sessionToken": "token",
    }
    assert "token" not in str(document)


def test_long_lived_keys_sign_nobody_in() -> None:
    keys = AwsCredentials(access_key_id="AKIA1", secret_access_key=Secret("secret"))
    with pytest.raises(BadInput, match="long-lived"):
        session_document(keys)


def test_the_address_carries_the_token_and_the_destination() -> None:
    url = sign_in_url(
        "https://signin.aws.amazon.com", Secret("to/ken+"), "https://console.aws.amazon.com/s3/home"
    )
    asked = parse_qs(urlsplit(url.reveal()).query)
    assert asked["SigninToken"] == ["to/ken+"]
    assert asked["Destination"] == ["https://console.aws.amazon.com/s3/home"]
    assert asked["Action"] == ["login"]
