"""What an operation's parameters are on the wire, and what an answer means: AWS's JSON and Query protocols.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html and
https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NoReturn, Protocol
from urllib.parse import urlencode
from xml.etree import ElementTree

from botocore.exceptions import BotoCoreError, ChecksumError

from sentinel_server.canonical import unambiguous
from sentinel_server.frozen import frozen

Parsed = Mapping[str, Any]
"""The members of an answer, named as in AWS's own documentation."""


class NoAnswer(BotoCoreError):
    """What came back is not what this operation of AWS answers."""

    fmt = "the answer is not one of AWS"


@frozen
class Reply:
    """An HTTP response, whole. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@frozen
class Refused:
    """An answer that is an error. `members` are what AWS says of it besides code and message."""

    code: str
    message: str
    members: Parsed


class WireProtocol(Protocol):
    """How one service is spoken to."""

    def request(self, operation: str, parameters: Parsed) -> tuple[Mapping[str, str], bytes]:
        """The headers that tell of the operation, and the body."""
        ...

    def answer(self, operation: str, reply: Reply) -> Parsed | Refused:
        """What a reply says. Raises NoAnswer for what no AWS says, ChecksumError for what was damaged."""
        ...


@frozen
class JsonProtocol:
    """AWS JSON. `target` is the service's name in `X-Amz-Target`; members named in `blobs` are bytes."""

    target: str
    version: str
    blobs: frozenset[str] = frozenset()

    def request(self, operation: str, parameters: Parsed) -> tuple[Mapping[str, str], bytes]:
        """The headers that tell of the operation, and the body."""
        headers = {
            "content-type": f"application/x-amz-json-{self.version}",
            "x-amz-target": f"{self.target}.{operation}",
        }
        return headers, json.dumps(parameters, default=_base64).encode()

    def answer(self, operation: str, reply: Reply) -> Parsed | Refused:  # only XML says which
        """What a reply says. Raises NoAnswer and ChecksumError."""
        _check_sum(reply)
        members = _json(reply.body)
        if reply.status >= _FIRST_BAD:
            return _refused(reply, members or {})
        if members is None:
            raise NoAnswer
        return {name: _bytes(each) if name in self.blobs else each for name, each in members.items()}


@frozen
class QueryProtocol:
    """AWS Query: a form goes out and XML comes back. Members named in `instants` are times."""

    version: str
    instants: frozenset[str] = frozenset()

    def request(self, operation: str, parameters: Parsed) -> tuple[Mapping[str, str], bytes]:
        """The headers that tell of the operation, and the body."""
        form = {"Action": operation, "Version": self.version, **dict(_flat("", parameters))}
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return headers, urlencode(form).encode()

    def answer(self, operation: str, reply: Reply) -> Parsed | Refused:
        """What a reply says. Raises NoAnswer."""
        root = _xml(reply.body)
        if reply.status >= _FIRST_BAD:
            said = _members(root.find("Error"), _text) if root is not None else {}
            return _refused(reply, {"__type": said.get("Code"), "message": said.get("Message")})
        results = root.findall(f"{operation}Result") if root is not None else []
        if root is None or root.tag != f"{operation}Response" or len(results) != 1:
            raise NoAnswer
        return _members(results[0], self._value)

    def _value(self, name: str, text: str) -> object:
        if name not in self.instants:
            return text
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            raise NoAnswer from None
        return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


_FIRST_BAD = 300
"""Redirections too: botocore follows none of these services'."""


def _refused(reply: Reply, said: Parsed) -> Refused:
    """The name of an error may stand behind a namespace and before a link: `ns#Name:http://…`."""
    code = _word(said, "__type", "code").partition(":")[0].rpartition("#")[2]
    message = _word(said, "message", "Message") or ("" if code else _phrase(reply.status))
    members = {name: each for name, each in said.items() if name not in ("__type", "message", "Message")}
    return Refused(code=code or str(reply.status), message=message, members=members)


def _word(said: Parsed, *names: str) -> str:
    """The first of them that is text, such as can be written anywhere."""
    found = next((each for name in names if isinstance(each := said.get(name), str) and each), "")
    return found.encode(errors="replace").decode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _check_sum(reply: Reply) -> None:
    """DynamoDB says what its answers sum up to."""
    told = reply.headers.get("x-amz-crc32")
    found = str(zlib.crc32(reply.body))
    if told is not None and told != found:
        raise ChecksumError(checksum_type="crc32", expected_checksum=told, actual_checksum=found)


def _json(body: bytes) -> dict[str, Any] | None:
    """The object that `body` is, None for anything else; so AWS leaves nobody a choice of two values."""
    try:
        found = json.loads(body.decode(), object_pairs_hook=unambiguous, parse_constant=_none)
    except (ValueError, RecursionError):  # ValueError of what is not UTF-8, too
        return None
    return found if isinstance(found, dict) else None


def _none(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not in JSON")


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is nothing that goes into a request")


def _bytes(value: object) -> bytes:
    if not isinstance(value, str):
        raise NoAnswer
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):  # ValueError of what is not ASCII
        raise NoAnswer from None


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    """A value's leaves by their path: `Tags.member.1.Key`."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else name, each)
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(value, start=1):
            yield from _flat(f"{prefix}.member.{number}", each)
    else:
        yield prefix, str(value)


def _xml(body: bytes) -> ElementTree.Element | None:
    """The root, its names without their namespace; None for anything else. Entities are never expanded."""
    if b"<!" in body:
        return None
    try:  # as text, since in another encoding a document type would not have been seen
        root = ElementTree.fromstring(body.decode())  # noqa: S314  # it has no entities
    except (ElementTree.ParseError, UnicodeDecodeError):
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


_DEEPEST = 8


def _members(
    element: ElementTree.Element | None, value: Callable[[str, str], object], depth: int = 1
) -> dict[str, Any]:
    """Raises NoAnswer for one that is there twice, and for more depth than any answer has."""
    if element is None:
        return {}
    found = {
        each.tag: _members(each, value, depth + 1) if len(each) else value(each.tag, each.text or "")
        for each in (element if depth <= _DEEPEST else ())
    }
    if len(found) != len(element):
        raise NoAnswer
    return found


def _text(_name: str, text: str) -> object:
    return text
