"""Signatures are checked over everything they cover, and over nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.sandbox.signature import Signed, read, verifies

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A signed request as it would arrive."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def signed(self) -> Signed:
        found = read(self.headers["authorization"])
        assert found is not None
        return found

    def passes(self, secret: str = SECRET) -> bool:
        return verifies(
            self.signed, secret, method=self.method, target=self.target, headers=self.headers, body=self.body
        )


def sign(service: str = "sts", method: str = "POST", target: str = "/", body: bytes = b"a=1") -> Sent:
    request = AWSRequest(method, f"http://127.0.0.1:9{target}", data=body, headers={"X-Amz-Target": "A.B"})
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(Credentials(KEY, SECRET, "token"), service, "eu-west-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()} | {"host": "127.0.0.1:9"}
    return Sent(method=method, target=target, headers=headers, body=body)


paths = st.text(alphabet="ab-_.~%20/", max_size=12).map(
    lambda text: "/" + text.replace("%", "%25").lstrip("/")
)


@given(
    st.sampled_from(["sts", "s3", "dynamodb"]),
    st.sampled_from(["GET", "PUT", "POST"]),
    paths,
    st.binary(max_size=20),
)
def test_what_botocore_signs_verifies(service: str, method: str, path: str, body: bytes) -> None:
    assert sign(service, method, f"{path}?b=2&a=%20x", body).passes()


@pytest.mark.parametrize("service", ["sts", "s3"])
def test_the_parts_of_the_header_are_read(service: str) -> None:
    signed = sign(service).signed
    assert (signed.access_key_id, signed.region, signed.service) == (KEY, "eu-west-1", service)
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(signed.headers)


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"target": "/other"},
        {"target": "/?x=1"},
        {"body": b"a=2"},
    ],
)
def test_a_request_changed_on_the_way_does_not_verify(changed: dict[str, str]) -> None:
    assert not replace(sign(), **changed).passes()  # type: ignore[arg-type] # the values are of their fields


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"])
def test_a_signed_header_changed_on_the_way_does_not_verify(name: str) -> None:
    sent = sign()
    assert not replace(sent, headers=sent.headers | {name: "20260101T000000Z"}).passes()
    assert not replace(
        sent, headers={key: value for key, value in sent.headers.items() if key != name}
    ).passes()


def test_a_header_that_was_not_signed_may_change() -> None:
    sent = sign()
    assert replace(sent, headers=sent.headers | {"user-agent": "proxy", "accept": "*/*"}).passes()


@given(st.text(min_size=1, max_size=40).filter(lambda text: text != SECRET))
def test_another_secret_does_not_verify(secret: str) -> None:
    assert not sign().passes(secret)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer x",
        "AWS AKIA:sig",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-ECDSA-P256-SHA256 Credential=a/b/c",
    ],
)
def test_another_kind_of_authorization_is_not_read(header: str) -> None:
    assert read(header) is None


def test_the_header_may_have_no_spaces_between_its_parts() -> None:
    header = sign().headers["authorization"]
    assert read(header.replace(", ", ",")) == read(header)
