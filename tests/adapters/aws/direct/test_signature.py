"""A request is signed as botocore would sign it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.adapters.aws.direct.signature import Scope, signed
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.secret import Secret

WORDS = st.from_regex(r"[A-Za-z0-9/+=_-]{1,40}", fullmatch=True)
VALUES = st.from_regex(r"[!-~]([ -~]{0,40}[!-~])?", fullmatch=True).map(lambda text: re.sub(" +", " ", text))
PATHS = st.sampled_from(["/", "/prefix", "/prefix/two-parts_~.x"])
INSTANTS = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2099, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)


@given(
    key=WORDS,
    secret=WORDS,
    token=st.none() | WORDS,
    values=st.dictionaries(st.sampled_from(["content-type", "x-amz-target", "x-amz-more"]), VALUES),
    body=st.binary(max_size=200),
    path=PATHS,
    at=INSTANTS,
)
def test_a_signature_is_botocores(
    key: str, secret: str, token: str | None, values: dict[str, str], body: bytes, path: str, at: datetime
) -> None:
    headers = {"host": "sts.eu-west-1.amazonaws.com", **values}
    ours = signed(
        headers,
        body,
        path=path,
        scope=Scope(service="sts", region="eu-west-1"),
        credentials=AwsCredentials(
            access_key_id=key,
            secret_access_key=Secret(secret),
            session_token=Secret(token) if token else None,
        ),
        at=at,
    )
    request = AWSRequest("POST", f"https://sts.eu-west-1.amazonaws.com{path}", headers=values, data=body)
    request.headers["host"] = headers["host"]
    if token:
        request.headers["x-amz-security-token"] = token
    request.headers["x-amz-date"] = ours["x-amz-date"]
    request.context["timestamp"] = ours["x-amz-date"]
    signer = SigV4Auth(Credentials(key, secret, token), "sts", "eu-west-1")
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert ours["authorization"].endswith(f"Signature={signer.signature(text, request)}")
    assert f"Credential={signer.scope(request)}, " in ours["authorization"]
    assert (
        f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}, " in ours["authorization"]
    )
    assert ours["x-amz-date"] == at.strftime("%Y%m%dT%H%M%SZ")


@pytest.mark.parametrize("odd", ["a b", "a\nb", "a\r\n b", "a\n b", "é", "\udcff", "日", "\x7f", "\x00"])
@pytest.mark.parametrize("part", ["access_key_id", "session_token"])
def test_what_cannot_stand_in_a_header_is_not_signed(part: str, odd: str) -> None:
    keys = AwsCredentials(access_key_id="AKIA", secret_access_key=Secret("s"))
    value: Any = odd if part == "access_key_id" else Secret(odd)
    with pytest.raises(BotoCoreError, match="characters that those of AWS do not have") as caught:
        signed_with(replace(keys, **{part: value}))
    assert odd not in str(caught.value)


@pytest.mark.parametrize("secret", ["a b", "é", "\udcff"])
def test_any_secret_of_a_file_or_the_environment_signs(secret: str) -> None:
    """AWS will say that it is none; variables that are not UTF-8 come as surrogates."""
    signed_with(AwsCredentials(access_key_id="AKIA", secret_access_key=Secret(secret)))


def signed_with(keys: AwsCredentials) -> dict[str, str]:
    at, scope = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), Scope(service="sts", region="us-east-1")
    return signed({"host": "h"}, b"", path="/", scope=scope, credentials=keys, at=at)


def test_a_token_is_sent_and_signed_only_where_there_is_one() -> None:
    keys = AwsCredentials(access_key_id="AKIA", secret_access_key=Secret("s"))
    bare = signed_with(keys)
    assert "x-amz-security-token" not in bare
    assert "SignedHeaders=host;x-amz-date," in bare["authorization"]
