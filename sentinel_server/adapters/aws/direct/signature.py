"""Signature Version 4 of one request with a body, by the rules of
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from botocore.exceptions import BotoCoreError

from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.frozen import frozen

_PLAIN = re.compile(r"[!-~]*")

_ALGORITHM = "AWS4-HMAC-SHA256"


class Unsendable(BotoCoreError):
    """Credentials that cannot stand in a header."""

    fmt = "the credentials hold characters that those of AWS do not have"


@frozen
class Scope:
    """What a signature is good for: a service, by its signing name, in a region."""

    service: str
    region: str


def signed(
    headers: Mapping[str, str],
    body: bytes,
    *,
    path: str,
    scope: Scope,
    credentials: AwsCredentials,
    at: datetime,
) -> dict[str, str]:
    """The headers of a POST of `body` to `path`, completed by its date, the token and the signature.

    `headers` have names in lower case, `host` among them, and values without blanks at their ends; all of
    them are signed. `path` has none but unreserved characters and slashes. `at` is an instant in UTC.
    Raises Unsendable.
    """
    token = credentials.session_token.reveal() if credentials.session_token is not None else None
    if not (_PLAIN.fullmatch(credentials.access_key_id) and _PLAIN.fullmatch(token or "")):
        raise Unsendable
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    complete = {**headers, "x-amz-date": stamp}
    if token is not None:
        complete["x-amz-security-token"] = token
    names = sorted(complete)
    listed = ";".join(names)
    request = "\n".join(
        [
            "POST",
            path,
            "",
            *(f"{name}:{complete[name]}" for name in names),
            "",
            listed,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    where = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = "\n".join([_ALGORITHM, stamp, where, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_access_key.reveal()}".encode(errors="surrogateescape")
    for part in where.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{credentials.access_key_id}/{where}"
    complete["authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={listed}, Signature={signature}"
    )
    return complete
