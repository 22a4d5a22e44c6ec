"""What the front writes, botocore's own parsers read back: errors and results in every protocol."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.sandbox.shapes import operation_input
from sentinel_server.sandbox.wire import (
    Refusal,
    Reply,
    form_of,
    json_of,
    json_reply,
    protocol_of,
    query_reply,
    refuse,
)

texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1).filter(
    lambda t: t == t.strip()
)


def parsed(protocol: str, reply: Reply, shape: Any = None) -> dict[str, Any]:
    answer = {"status_code": reply.status, "headers": HeadersDict(reply.headers), "body": reply.body}
    found: dict[str, Any] = create_parser(protocol).parse(answer, shape)
    return found


@given(st.sampled_from(["query", "rest-xml", "json", "rest-json"]), texts, st.sampled_from([400, 403, 500]))
def test_an_error_is_read_back_as_it_was_meant(protocol: str, message: str, status: int) -> None:
    service = {"query": "sts", "rest-xml": "s3", "json": "dynamodb", "rest-json": "lambda"}[protocol]
    reply = refuse(protocol, service, Refusal("SomeCode", message, status))
    error = parsed(protocol, reply)["Error"]
    assert (error["Code"], error["Message"]) == ("SomeCode", message)


def test_json_protocols_know_400_and_500_only() -> None:
    statuses = [
        refuse("json", "ssm", Refusal("X", "y", status)).status for status in (400, 403, 429, 500, 501)
    ]
    assert statuses == [400, 400, 400, 500, 501]


def test_the_type_of_a_dynamodb_error_has_dynamodbs_namespace() -> None:
    reply = refuse("json", "dynamodb", Refusal("AccessDeniedException", "no"))
    assert b'"com.amazonaws.dynamodb.v20120810#AccessDeniedException"' in reply.body
    assert reply.headers["Content-Type"] == "application/x-amz-json-1.0"


@given(texts)
def test_a_query_result_is_escaped(text: str) -> None:
    reply = query_reply(
        "https://sts.amazonaws.com/doc/2011-06-15/", "GetCallerIdentity", {"Arn": text, "None": None}
    )
    (found,) = re.findall(r"<Arn>(.*)</Arn>", reply.body.decode(), re.DOTALL)
    assert "<" not in found
    assert "None" not in reply.body.decode().replace(found, "")


def test_nested_results_become_nested_elements() -> None:
    reply = query_reply("ns", "AssumeRole", {"Credentials": {"AccessKeyId": "A", "SessionToken": "T"}})
    assert (
        b"<Credentials><AccessKeyId>A</AccessKeyId><SessionToken>T</SessionToken></Credentials>" in reply.body
    )


def test_a_json_result_is_read_back() -> None:
    assert json_of(json_reply({"Item": {"id": {"S": "1"}}}).body) == {"Item": {"id": {"S": "1"}}}


@pytest.mark.parametrize(
    ("service", "headers", "protocol"),
    [
        ("s3", {"content-type": "application/x-www-form-urlencoded"}, "rest-xml"),
        ("dynamodb", {"x-amz-target": "DynamoDB_20120810.GetItem"}, "json"),
        ("sts", {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, "query"),
        ("lambda", {}, "rest-json"),
    ],
)
def test_the_protocol_is_told_by_the_request(service: str, headers: dict[str, str], protocol: str) -> None:
    assert protocol_of(service, headers) == protocol


def test_a_form_may_come_in_the_body_or_in_the_query() -> None:
    assert form_of("/?Action=GetCallerIdentity", b"Version=2011-06-15&Empty=") == {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "Empty": "",
    }


def test_the_model_knows_what_takes_nothing_from_what_is_not_there() -> None:
    nothing = operation_input("sts", "GetCallerIdentity")
    assert nothing is not None
    assert list(nothing.members) == []
    with pytest.raises(KeyError):
        operation_input("sts", "AssumeEverything")
