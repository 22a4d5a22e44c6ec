"""From an HTTP request to a call with a caller: its operation, and the credential that signed it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sentinel_server.clock import MAX_SKEW
from sentinel_server.sandbox import backend, signature
from sentinel_server.sandbox.principals import Credential
from sentinel_server.sandbox.wire import Call, Refusal, form_of, json_of, protocol_of


def read_call(
    method: str, target: str, headers: Mapping[str, str], body: bytes, signed: signature.Signed
) -> Call:
    """The AWS call that a signed request makes; header names are in lower case. Raises Refusal."""
    protocol = protocol_of(signed.service, headers)
    params: dict[str, Any]
    if protocol == "json":
        operation, params = headers["x-amz-target"].rpartition(".")[2], json_of(body)
    elif protocol == "query":
        params = dict(form_of(target, body))
        operation = params.get("Action", "")
    else:
        operation, params = backend.match_operation(signed.service, method, target, headers)
        params |= dict(parse_qsl(urlsplit(target).query))
    return Call(
        method=method,
        target=target,
        headers=headers,
        body=body,
        service=signed.service,
        region=signed.region,
        operation=operation,
        params=params,
    )


def check_credential(
    call: Call, signed: signature.Signed, credential: Credential | None, now: datetime
) -> Credential:
    """The credential, if its token, expiry and signature are good. Raises Refusal as the service words it."""
    if credential is None:
        raise _unknown_key(call)
    token = call.headers.get("x-amz-security-token")
    if not hmac.compare_digest((token or "").encode(), (credential.token or "").encode()):
        raise _bad_token(call)
    if credential.expires_at is not None and now >= credential.expires_at:
        raise _expired(call)
    genuine = signature.verifies(
        signed,
        credential.secret,
        method=call.method,
        target=call.target,
        headers=call.headers,
        body=call.body,
    )
    if not genuine:
        raise _bad_signature(call)
    return credential


def check_time(call: Call, now: datetime) -> None:
    """Refuse a request that was signed more than `MAX_SKEW` from now. Raises Refusal."""
    stamp = call.headers.get("x-amz-date", "")
    try:
        signed_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise _bad_signature(call) from None
    if abs(now - signed_at) <= MAX_SKEW:
        return
    if call.protocol == "rest-xml":
        message = "The difference between the request time and the current time is too large."
        raise Refusal("RequestTimeTooSkewed", message, 403)
    what, relation, edge = ("expired", "earlier", now - MAX_SKEW)
    if signed_at > now:
        what, relation, edge = ("not yet current", "still later", now + MAX_SKEW)
    code = "SignatureDoesNotMatch" if call.protocol == "query" else "InvalidSignatureException"
    raise Refusal(code, f"Signature {what}: {stamp} is {relation} than {edge.strftime(_STAMP)}", 403)


_STAMP = "%Y%m%dT%H%M%SZ"


def unsigned(protocol: str) -> Refusal:
    """The refusal of a request without a signature we can read."""
    code = "AccessDenied" if protocol == "rest-xml" else "MissingAuthenticationToken"
    suffix = "Exception" if protocol == "json" else ""
    return Refusal(code + suffix, "Request is missing Authentication Token", 403)


def _unknown_key(call: Call) -> Refusal:
    if call.protocol == "rest-xml":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return Refusal("InvalidAccessKeyId", message, 403)
    code = "InvalidClientTokenId" if call.protocol == "query" else "UnrecognizedClientException"
    return Refusal(code, "The security token included in the request is invalid.", 403)


def _bad_token(call: Call) -> Refusal:
    if call.protocol == "rest-xml":
        return Refusal("InvalidToken", "The provided token is malformed or otherwise invalid.", 400)
    return _unknown_key(call)


def _expired(call: Call) -> Refusal:
    if call.protocol == "rest-xml":
        return Refusal("ExpiredToken", "The provided token has expired.", 400)
    code = "ExpiredToken" if call.protocol == "query" else "ExpiredTokenException"
    return Refusal(code, "The security token included in the request is expired", 403)


def _bad_signature(call: Call) -> Refusal:
    code = "SignatureDoesNotMatch" if call.protocol in ("query", "rest-xml") else "InvalidSignatureException"
    return Refusal(
        code,
        "The request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.",
        403,
    )
