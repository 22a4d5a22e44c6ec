"""Requests and replies in the forms of AWS's protocols: query (STS, IAM), JSON, REST-XML (S3), REST-JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from sentinel_server.frozen import frozen

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
"""Every answer of the front itself carries this id: it is the sandbox's and stands for nothing."""


class Refusal(Exception):
    """A request that is refused in AWS's words; `status` is what query and REST protocols use."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Ending(Enum):
    """How much of a reply reaches the client."""

    WHOLE = "whole"
    HALF = "half of the body, then a reset"
    NOTHING = "nothing, the connection is closed"


@frozen
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ending: Ending = Ending.WHOLE


@frozen
class Call:
    """One AWS request as it arrived. `target` is the raw path with its query; headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    service: str
    region: str
    operation: str
    params: Mapping[str, Any] = field(repr=False)

    @property
    def protocol(self) -> str:
        """`query`, `json`, `rest-xml` or `rest-json`."""
        return protocol_of(self.service, self.headers)


def protocol_of(service: str, headers: Mapping[str, str]) -> str:
    """Which protocol a request speaks."""
    if service == "s3":
        return "rest-xml"
    if "x-amz-target" in headers:
        return "json"
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "query"
    return "rest-json"


def form_of(target: str, body: bytes) -> dict[str, str]:
    """The fields of a query-protocol request, from its body and its query string."""
    query = urlsplit(target).query
    return dict(
        parse_qsl(query, keep_blank_values=True)
        + parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    )


def json_of(body: bytes) -> dict[str, Any]:
    """The parameters of a JSON request. Raises Refusal for what is not an object."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal("SerializationException", "The request body is not a JSON object")
    return found


def refuse(protocol: str, service: str, refusal: Refusal) -> Reply:
    """The reply that makes every SDK raise its error for `refusal`."""
    if protocol == "query":
        return _xml(refusal.status, _query_error(refusal))
    if protocol == "rest-xml":
        return _xml(refusal.status, _s3_error(refusal))
    if protocol == "json":
        return _json_error(service, refusal)
    said = {"error": refusal.message, "error_description": None}
    body = json.dumps(said if service == "sso-oidc" else {"message": refusal.message}).encode()
    return Reply(
        status=refusal.status,
        headers={"Content-Type": "application/json", "x-amzn-ErrorType": refusal.code},
        body=body,
    )


def query_reply(service_namespace: str, operation: str, result: Mapping[str, Any]) -> Reply:
    """A query-protocol success: nested mappings become nested elements, None nothing."""
    inner = "".join(_element(name, value) for name, value in result.items())
    return _xml(
        200,
        f'<{operation}Response xmlns="{service_namespace}"><{operation}Result>{inner}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>",
    )


def json_reply(value: Mapping[str, Any]) -> Reply:
    """A JSON 1.0 success."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": REQUEST_ID}
    return Reply(status=200, headers=headers, body=json.dumps(value).encode())


def _element(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        inner = "".join(_element(key, item) for key, item in value.items())
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def _xml(status: int, text: str) -> Reply:
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": REQUEST_ID}
    return Reply(status=status, headers=headers, body=text.encode())


def _query_error(refusal: Refusal) -> str:
    kind = "Sender" if refusal.status < 500 else "Receiver"
    return (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{refusal.code}</Code>"
        f"<Message>{escape(refusal.message)}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    )


def _s3_error(refusal: Refusal) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{refusal.code}</Code>'
        f"<Message>{escape(refusal.message)}</Message><RequestId>{REQUEST_ID}</RequestId></Error>"
    )


def _json_error(service: str, refusal: Refusal) -> Reply:
    namespace = "com.amazonaws.dynamodb.v20120810" if service == "dynamodb" else "com.amazon.coral.service"
    body = {"__type": f"{namespace}#{refusal.code}", "message": refusal.message, "Message": refusal.message}
    version = "1.0" if service == "dynamodb" else "1.1"
    status = 400 if refusal.status < 500 else refusal.status
    return Reply(
        status=status,
        headers={"Content-Type": f"application/x-amz-json-{version}", "x-amzn-RequestId": REQUEST_ID},
        body=json.dumps(body).encode(),
    )
