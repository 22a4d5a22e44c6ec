"""What goes out is what botocore would send, and what comes back means what botocore would make of it."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.exceptions import ChecksumError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.adapters.aws.direct.client import SERVICES
from sentinel_server.adapters.aws.direct.protocols import NoAnswer, Refused, Reply

LOADER = Loader()
TEXT = st.text(min_size=1, max_size=20)
CELL = st.fixed_dictionaries({"S": TEXT}) | st.fixed_dictionaries({"N": st.integers(0, 10**12).map(str)})
ITEM = st.dictionaries(TEXT, CELL, min_size=1, max_size=3)
KEYS = st.fixed_dictionaries({"id": st.fixed_dictionaries({"S": TEXT})})
NAME = st.from_regex(r"[A-Za-z0-9_]{1,20}", fullmatch=True)
CHANGE = st.fixed_dictionaries(
    {
        "TableName": NAME,
        "Key": KEYS,
        "UpdateExpression": TEXT,
        "ConditionExpression": TEXT,
        "ExpressionAttributeNames": st.dictionaries(TEXT, TEXT, max_size=2),
        "ExpressionAttributeValues": ITEM,
    }
)
ASKED: Mapping[tuple[str, str], st.SearchStrategy[dict[str, Any]]] = {
    ("dynamodb", "BatchGetItem"): st.fixed_dictionaries(
        {
            "RequestItems": st.dictionaries(
                NAME,
                st.fixed_dictionaries({"Keys": st.lists(KEYS, min_size=1), "ConsistentRead": st.booleans()}),
                min_size=1,
            )
        }
    ),
    ("dynamodb", "GetItem"): st.fixed_dictionaries({"TableName": NAME, "Key": KEYS}),
    ("dynamodb", "PutItem"): st.fixed_dictionaries({"TableName": NAME, "Item": ITEM}),
    ("dynamodb", "Query"): st.fixed_dictionaries(
        {"TableName": NAME, "ScanIndexForward": st.booleans(), "Limit": st.integers(1, 500)}
    ),
    ("dynamodb", "TransactWriteItems"): st.fixed_dictionaries(
        {"TransactItems": st.lists(st.fixed_dictionaries({"Update": CHANGE}), min_size=1, max_size=3)}
    ),
    ("dynamodb", "UpdateItem"): CHANGE,
    ("kms", "GetPublicKey"): st.fixed_dictionaries({"KeyId": TEXT}),
    ("kms", "Sign"): st.fixed_dictionaries(
        {"KeyId": TEXT, "Message": st.binary(min_size=1), "SigningAlgorithm": st.just("ECDSA_SHA_256")}
    ),
    ("ssm", "GetParameter"): st.fixed_dictionaries({"Name": TEXT, "WithDecryption": st.booleans()}),
    ("ssm", "GetParameters"): st.fixed_dictionaries(
        {"Names": st.lists(TEXT, min_size=1, max_size=10), "WithDecryption": st.booleans()}
    ),
    ("sts", "AssumeRole"): st.fixed_dictionaries(
        {
            "RoleArn": st.text(min_size=20, max_size=40),
            "RoleSessionName": st.text(min_size=2, max_size=20),
            "DurationSeconds": st.integers(900, 43200),
            "Tags": st.lists(st.fixed_dictionaries({"Key": TEXT, "Value": TEXT}), min_size=1),
        },
        optional={
            name: st.text(min_size=2, max_size=20) for name in ("SourceIdentity", "Policy", "ExternalId")
        },
    ),
    ("sts", "GetCallerIdentity"): st.just({}),
    ("sts", "GetSessionToken"): st.fixed_dictionaries({"DurationSeconds": st.integers(900, 43200)}),
}


def operation_of(service: str, name: str) -> OperationModel:
    return ServiceModel(LOADER.load_service_model(service, "service-2")).operation_model(name)


MODELS = {(service, name): operation_of(service, name) for service, name in ASKED}


def test_every_operation_that_is_called_directly_is_compared() -> None:
    direct = {(name, each) for name, service in SERVICES.items() for each in service.operations.values()}
    assert direct == set(ASKED)


@pytest.mark.parametrize("asked", ASKED, ids="-".join)
@given(data=st.data())
def test_a_request_is_the_one_that_botocore_sends(asked: tuple[str, str], data: st.DataObject) -> None:
    service, name = asked
    parameters, model = data.draw(ASKED[asked]), MODELS[asked]
    protocol = str(model.service_model.metadata["protocol"])
    theirs = create_serializer(protocol).serialize_to_request(dict(parameters), model)
    headers, body = SERVICES[service].protocol.request(name, parameters)
    if protocol == "query":
        assert dict(parse_qsl(body.decode(), keep_blank_values=True)) == {
            key: str(value) for key, value in theirs["body"].items()
        }
    else:
        assert json.loads(body) == json.loads(theirs["body"])
    for header, value in theirs["headers"].items():
        assert headers[header.lower()].lower() == value.lower()


def botocores(asked: tuple[str, str], reply: Reply) -> dict[str, Any]:
    model = MODELS[asked]
    parser = create_parser(str(model.service_model.metadata["protocol"]))
    response = {"status_code": reply.status, "headers": dict(reply.headers), "body": reply.body}
    assert model.output_shape is not None
    parsed: dict[str, Any] = parser.parse(response, model.output_shape)
    parsed.pop("ResponseMetadata", None)
    return parsed


def ours(asked: tuple[str, str], reply: Reply) -> Any:
    return SERVICES[asked[0]].protocol.answer(asked[1], reply)


STS = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{0}Result>{1}</{0}Result>
  <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
</{0}Response>"""
KEYS_XML = (
    "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>a/b+c&amp;=</SecretAccessKey>"
    "<SessionToken>\n t== </SessionToken><Expiration>2026-11-23T05:00:00Z</Expiration></Credentials>"
)
ANSWERS = [
    (
        ("sts", "GetCallerIdentity"),
        STS.format("GetCallerIdentity", "<Arn>a</Arn><UserId/><Account>1</Account>"),
    ),
    (("sts", "GetSessionToken"), STS.format("GetSessionToken", KEYS_XML)),
    (
        ("sts", "AssumeRole"),
        STS.format(
            "AssumeRole",
            "<SourceIdentity>é</SourceIdentity><PackedPolicySize>6</PackedPolicySize>" + KEYS_XML,
        ),
    ),
    (
        ("ssm", "GetParameter"),
        '{"Parameter": {"Name": "n", "Value": "a\\u0000é", "Version": 3, "ARN": "arn"}}',
    ),
    (("ssm", "GetParameters"), '{"Parameters": [{"Name": "n", "Value": "é"}], "InvalidParameters": ["m"]}'),
    (("dynamodb", "BatchGetItem"), '{"Responses": {"t": [{"a": {"N": "1"}}]}, "UnprocessedKeys": {}}'),
    (("dynamodb", "UpdateItem"), "{}"),
    (("kms", "Sign"), '{"KeyId": "k", "Signature": "AAECAw==", "SigningAlgorithm": "ECDSA_SHA_256"}'),
    (("kms", "GetPublicKey"), '{"PublicKey": "AAECAw==", "SigningAlgorithms": ["ECDSA_SHA_256"]}'),
]


@pytest.mark.parametrize(
    ("asked", "body"), ANSWERS, ids=lambda value: "-".join(value) * isinstance(value, tuple)
)
def test_an_answer_means_what_botocore_makes_of_it(asked: tuple[str, str], body: str) -> None:
    reply = Reply(status=200, headers={}, body=body.encode())
    theirs, found = botocores(asked, reply), ours(asked, reply)
    numbers = (
        {"PackedPolicySize": str(theirs.get("PackedPolicySize"))} if "PackedPolicySize" in theirs else {}
    )
    assert found == theirs | numbers


CANCELLED = '{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": "why", '
CANCELLED += '"CancellationReasons": [{"Code": "ConditionalCheckFailed", "Item": {"a": {"S": "b"}}}]}'
STS_ERROR = '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
STS_ERROR += "<Code>AccessDenied</Code><Message>not &lt;you&gt;</Message></Error></ErrorResponse>"
ERRORS = [
    (("dynamodb", "TransactWriteItems"), 400, CANCELLED),
    (
        ("dynamodb", "UpdateItem"),
        400,
        '{"__type": "a#ConditionalCheckFailedException", "Item": {"a": {"S": "b"}}}',
    ),
    (("ssm", "GetParameter"), 400, '{"__type": "ParameterNotFound"}'),
    (("ssm", "GetParameter"), 400, '{"__type": "ns#AccessDeniedException:http://x", "message": "m"}'),
    (("kms", "Sign"), 500, ""),
    (("sts", "AssumeRole"), 403, STS_ERROR),
]


@pytest.mark.parametrize(("asked", "status", "body"), ERRORS)
def test_an_error_means_what_botocore_makes_of_it(asked: tuple[str, str], status: int, body: str) -> None:
    reply = Reply(status=status, headers={}, body=body.encode())
    theirs, found = botocores(asked, reply), ours(asked, reply)
    assert isinstance(found, Refused)
    assert found.code == theirs["Error"]["Code"]
    assert found.message == theirs["Error"]["Message"] or not body
    for member in ("CancellationReasons", "Item"):
        assert found.members.get(member) == (json.loads(body).get(member) if body[:1] == "{" else None)


PAGE = b"<!DOCTYPE html><html><body>Welcome to our hotel</body></html>"
BOMB = b'<!DOCTYPE a [<!ENTITY b "cc">]><GetCallerIdentityResponse>&b;</GetCallerIdentityResponse>'


TWICE = b"<GetCallerIdentityResponse>%s</GetCallerIdentityResponse>"
NO_XML = [
    PAGE,
    BOMB,
    b'<?xml version="1.0" encoding="utf-16"?>'.decode().encode("utf-16") + BOMB.decode().encode("utf-16-le"),
    b'<?xml version="1.0" encoding="idna"?><GetCallerIdentityResponse/>',
    b'<?xml version="1.0" encoding="shift_jis"?><GetCallerIdentityResponse/>',
    b'<?xml version="1.0" encoding="latin-1"?><GetCallerIdentityResponse>\xe9</GetCallerIdentityResponse>',
    TWICE % (b"<GetCallerIdentityResult><Arn>%s</Arn></GetCallerIdentityResult>" * 2 % (b"a", b"b")),
    TWICE % b"<GetCallerIdentityResult><Arn>a</Arn><Arn>b</Arn></GetCallerIdentityResult>",
    TWICE % (b"<GetCallerIdentityResult>" + b"<a>" * 9000 + b"</a>" * 9000 + b"</GetCallerIdentityResult>"),
    TWICE % b"",
    b"",
    b"{}",
    b"<a/>",
    b"<GetSessionTokenResponse/>",
    b"\xff",
]


@pytest.mark.parametrize("body", NO_XML, ids=lambda body: str(body[:60]))
def test_what_is_no_answer_of_sts_is_none(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        ours(("sts", "GetCallerIdentity"), Reply(status=200, headers={}, body=body))


NO_JSON = [
    PAGE,
    b"",
    b"[]",
    b"null",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"NaN",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"Count": ' + b"9" * 5000 + b"}",
    b'{"Items": [], "Count": NaN}',
    b'{"Items": [], "Count": -Infinity}',
    b'{"Items": [{"id": {"S": "block"}}], "Items": []}',
    b'{"Items": [{"id": {"S": "a", "S": "b"}}]}',
    '{"Items": []}'.encode("utf-16"),
    '{"Items": []}'.encode("utf-8-sig"),
    b'{"Items": [{"id": {"S": "\xed\xa0\x80"}}]}',
]


@pytest.mark.parametrize("body", NO_JSON, ids=lambda body: str(body[:40]))
def test_what_is_no_answer_of_a_json_service_is_none(body: bytes) -> None:
    with pytest.raises(NoAnswer):
        ours(("dynamodb", "Query"), Reply(status=200, headers={}, body=body))


@pytest.mark.parametrize("asked", [("sts", "AssumeRole"), ("ssm", "GetParameter")])
@pytest.mark.parametrize("status", [302, 403, 502, 599])
def test_somebody_elses_error_is_one_by_its_status(asked: tuple[str, str], status: int) -> None:
    found = ours(asked, Reply(status=status, headers={}, body=PAGE))
    assert isinstance(found, Refused)
    assert found.code == str(status)


ODD_ERRORS = [
    (("ssm", "GetParameter"), b"[" * 100_000),
    (("ssm", "GetParameter"), b'{"__type": ["AccessDenied"], "message": {"a": 1}, "code": 7}'),
    (("ssm", "GetParameter"), b'{"__type": "ns#", "message": null}'),
    (("sts", "AssumeRole"), b'<?xml version="1.0" encoding="nobody"?><ErrorResponse/>'),
    (
        ("sts", "AssumeRole"),
        b"<ErrorResponse><Error><Code><a/></Code><Message><b/></Message></Error></ErrorResponse>",
    ),
]


@pytest.mark.parametrize(("asked", "body"), ODD_ERRORS, ids=lambda value: str(value)[:40])
def test_an_error_that_names_none_is_one_by_its_status(asked: tuple[str, str], body: bytes) -> None:
    found = ours(asked, Reply(status=403, headers={}, body=body))
    assert isinstance(found, Refused)
    assert (found.code, found.message) == ("403", "Forbidden")


def test_an_error_that_is_deeper_than_any_is_none() -> None:
    body = b"<ErrorResponse><Error>" + b"<a>" * 9000 + b"</a>" * 9000 + b"</Error></ErrorResponse>"
    with pytest.raises(NoAnswer):
        ours(("sts", "AssumeRole"), Reply(status=403, headers={}, body=body))


def test_what_an_error_says_can_be_written_anywhere() -> None:
    """Half of a pair of surrogates is nothing that a log or a terminal takes."""
    body = b'{"__type": "Odd\\udc00", "message": "\\ud800 no"}'
    found = ours(("ssm", "GetParameter"), Reply(status=400, headers={}, body=body))
    assert (found.code, found.message) == ("Odd?", "? no")


@pytest.mark.parametrize("expiration", ["", "soon", "2026-13-01T00:00:00Z"])
def test_an_end_that_is_no_instant_is_no_answer(expiration: str) -> None:
    body = re.sub("(?<=<Expiration>)[^<]*", expiration, STS.format("GetSessionToken", KEYS_XML))
    with pytest.raises(NoAnswer):
        ours(("sts", "GetSessionToken"), Reply(status=200, headers={}, body=body.encode()))


@pytest.mark.parametrize("signature", ['"not base64"', "3", "null"])
def test_bytes_that_are_none_are_not_made_up(signature: str) -> None:
    reply = Reply(status=200, headers={}, body=f'{{"Signature": {signature}}}'.encode())
    with pytest.raises(NoAnswer):
        ours(("kms", "Sign"), reply)


def test_an_answer_that_does_not_sum_up_was_damaged() -> None:
    body = b'{"Responses": {}}'
    right = {"x-amz-crc32": str(zlib.crc32(body))}
    assert ours(("dynamodb", "BatchGetItem"), Reply(status=200, headers=right, body=body)) == {
        "Responses": {}
    }
    with pytest.raises(ChecksumError):
        ours(("dynamodb", "BatchGetItem"), Reply(status=200, headers=right, body=body + b" "))


def test_what_cannot_be_sent_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="set"):
        SERVICES["ssm"].protocol.request("GetParameter", {"Name": {1}})
