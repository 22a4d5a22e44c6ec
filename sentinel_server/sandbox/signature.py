"""Signature Version 4, the checking side: who signed a request, and whether they hold the secret."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from sentinel_server.frozen import frozen

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request, ?"
    r"SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})"
)


@frozen
class Signed:
    """What an `Authorization` header says."""

    access_key_id: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str


def read(authorization: str) -> Signed | None:
    """The parts of a Signature Version 4 header, or None for any other text."""
    found = _HEADER.fullmatch(authorization.strip())
    if found is None:
        return None
    key, date, region, service, headers, signature = found.groups()
    return Signed(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        headers=tuple(headers.split(";")),
        signature=signature,
    )


def verifies(
    signed: Signed, secret: str, *, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> bool:
    """Whether `secret` made this signature over this request; header names are in lower case."""
    request = AWSRequest(method=method, url=f"http://{headers.get('host', '')}{target}", data=body)
    for name in signed.headers:
        request.headers[name] = headers.get(name, "")
    if "x-amz-content-sha256" in headers:
        request.headers["x-amz-content-sha256"] = headers["x-amz-content-sha256"]
    request.context["timestamp"] = headers.get("x-amz-date", "")
    kind = _S3 if signed.service == "s3" else _Plain
    expected = kind(signed, secret).signature_of(request)
    return hmac.compare_digest(expected, signed.signature)


class _Checking:
    """Signs again exactly the headers that were signed."""

    _signed: Signed

    def __init__(self, signed: Signed, secret: str) -> None:
        credentials = Credentials(signed.access_key_id, secret)
        super().__init__(credentials, signed.service, signed.region)  # type: ignore[call-arg] # the mixed-in signer
        self._signed = signed

    def headers_to_sign(self, request: Any) -> HTTPHeaders:
        """Overrides the library's choice of headers."""
        chosen = HTTPHeaders()
        for name in self._signed.headers:
            chosen[name] = request.headers.get(name, "")
        return chosen

    def signature_of(self, request: AWSRequest) -> str:
        """The signature, in hex."""
        signer: Any = self
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return str(signer.signature(text, request))


class _Plain(_Checking, SigV4Auth):
    pass


class _S3(_Checking, S3SigV4Auth):
    pass
