"""Bad days on demand: throttling, errors, silence, broken connections and half answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from time import monotonic
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from aiohttp import ClientConnectionResetError, web
from aiohttp.test_utils import make_mocked_request
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import BadInput
from sentinel_server.sandbox.faults import Fault, FaultKind, Faults, fault_from, fault_to
from sentinel_server.sandbox.front import Front, _half
from sentinel_server.sandbox.wire import Ending, Reply
from tests.fakes.aws import Sandbox, embedded_aws

TABLE = "sentinel-sessions"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with embedded_aws() as sandbox:
        sandbox.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    running.aws.heal()


def get(sandbox: Sandbox) -> dict[str, Any]:
    answer: dict[str, Any] = sandbox.client("dynamodb").get_item(TableName=TABLE, Key={"id": {"S": "1"}})
    return answer


def asked(sandbox: Sandbox, service: str) -> Any:
    calls = {"dynamodb": "list_tables", "ssm": "describe_parameters", "sts": "get_caller_identity"}
    method = calls.get(service, "list_buckets" if service == "s3" else "list_keys")
    return getattr(sandbox.client(service), method)()


@pytest.mark.parametrize(
    ("service", "kind", "code", "status"),
    [
        ("dynamodb", "throttle", "ProvisionedThroughputExceededException", 400),
        ("ssm", "throttle", "ThrottlingException", 400),
        ("sts", "throttle", "Throttling", 400),
        ("kms", "throttle", "ThrottlingException", 400),
        ("s3", "throttle", "SlowDown", 503),
        ("dynamodb", "error500", "InternalServerError", 500),
        ("ssm", "error500", "InternalServerError", 500),
        ("kms", "error500", "KMSInternalException", 500),
        ("sts", "error500", "InternalFailure", 500),
        ("s3", "error500", "InternalError", 500),
        ("dynamodb", "deny", "AccessDeniedException", 400),
        ("sts", "deny", "AccessDenied", 403),
        ("s3", "deny", "AccessDenied", 403),
    ],
)
def test_a_service_fails_in_its_own_words(
    sandbox: Sandbox, service: str, kind: Any, code: str, status: int
) -> None:
    sandbox.aws.fail(service=service, kind=kind)
    with pytest.raises(ClientError) as failed:
        asked(sandbox, service)
    answer = failed.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    sandbox.aws.heal(service)
    assert asked(sandbox, service)


def test_latency_delays_the_answer(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="latency", seconds=0.2)
    start = monotonic()
    get(sandbox)
    assert monotonic() - start >= 0.2


def test_one_late_service_does_not_hold_up_another(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="latency", seconds=1.0)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(get, sandbox)
        assert asked(sandbox, "sts")
        assert not late.done()
        assert "ResponseMetadata" in late.result()


def test_of_many_writers_of_one_row_exactly_one_wins(sandbox: Sandbox) -> None:
    def write(_: int) -> bool:
        dynamodb = sandbox.client("dynamodb")
        with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.put_item(
                TableName=TABLE, Item={"id": {"S": "raced"}}, ConditionExpression="attribute_not_exists(id)"
            )
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, range(16))) == 1


def test_a_dropped_connection_gives_no_answer(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="drop")
    with pytest.raises(ConnectionClosedError):
        get(sandbox)


def test_a_reset_comes_after_the_work_was_done(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="ssm", kind="reset", count=1)
    with pytest.raises(HTTPClientError):
        sandbox.client("ssm").put_parameter(Name="/done", Value="1", Type="String")
    assert sandbox.client("ssm").get_parameter(Name="/done")["Parameter"]["Value"] == "1"


class _Gone(web.StreamResponse):
    """To a client that has hung up."""

    async def prepare(self, request: web.BaseRequest) -> None:
        raise ClientConnectionResetError("Cannot write to closing transport")


async def test_a_reset_of_one_who_has_gone_by_then_is_no_mistake_of_the_sandbox() -> None:
    reply = Reply(status=200, headers={}, body=b"half and half", ending=Ending.HALF)
    await _half(make_mocked_request("POST", "/"), reply, _Gone())


class _CutShort(web.Request):
    """By a client that hung up in the middle of it."""

    async def read(self) -> bytes:
        raise ConnectionResetError("Connection lost")


async def test_a_request_cut_short_is_no_mistake_of_the_sandbox() -> None:
    asked = make_mocked_request("POST", "/")
    asked.__class__ = _CutShort
    nobody: Any = None
    front = Front(nobody, nobody, nobody, nobody, nobody, nobody)
    assert isinstance(await front.handle(asked), web.Response)


def test_a_garbled_answer_cannot_be_parsed(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="sts", kind="wrong-json")
    with pytest.raises(ResponseParserError):
        asked(sandbox, "sts")


def test_botocore_takes_a_garbled_json_answer_for_an_empty_one(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="wrong-json")
    assert set(get(sandbox)) == {"ResponseMetadata"}


def test_batch_get_may_leave_every_key_unprocessed(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="unprocessed")
    request = {TABLE: {"Keys": [{"id": {"S": "1"}}], "ConsistentRead": True}}
    answer = sandbox.client("dynamodb").batch_get_item(RequestItems=request)
    assert (answer["Responses"], answer["UnprocessedKeys"]) == ({TABLE: []}, request)


def test_a_fault_may_be_for_one_operation_and_a_number_of_calls(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", operation="GetItem", kind="throttle", count=2)
    assert asked(sandbox, "dynamodb")["TableNames"] == [TABLE]
    for _ in range(2):
        with pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
            get(sandbox)
    assert get(sandbox)
    assert sandbox.aws.faults.active() == ()


def test_healing_one_service_leaves_the_others_ill(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="sts", kind="throttle")
    sandbox.aws.fail(service="ssm", kind="throttle")
    sandbox.aws.heal("sts")
    assert [fault.service for fault in sandbox.aws.faults.active()] == ["ssm"]


def control(sandbox: Sandbox, method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(sandbox.aws.url + path, data, headers, method=method), timeout=5) as answer:
        return json.load(answer)


def test_another_process_can_set_list_and_heal_faults(sandbox: Sandbox) -> None:
    fault = {"service": "ssm", "kind": "throttle", "operation": None, "count": 3, "seconds": 0.0}
    assert control(sandbox, "POST", "/_sentinel/faults", fault) == [fault]
    with pytest.raises(ClientError, match="ThrottlingException"):
        asked(sandbox, "ssm")
    assert control(sandbox, "GET", "/_sentinel/faults") == [fault | {"count": 2}]
    assert control(sandbox, "DELETE", "/_sentinel/faults?service=sts") == [fault | {"count": 2}]
    assert control(sandbox, "DELETE", "/_sentinel/faults") == []
    assert asked(sandbox, "ssm")


def test_another_process_can_see_the_calls(sandbox: Sandbox) -> None:
    sandbox.aws.forget_calls()
    get(sandbox)
    (seen,) = control(sandbox, "GET", "/_sentinel/calls")
    assert (seen["service"], seen["operation"], seen["params"]["TableName"]) == ("dynamodb", "GetItem", TABLE)


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_a_browser_cannot_reach_the_control(sandbox: Sandbox, headers: dict[str, str]) -> None:
    with pytest.raises(HTTPError) as refused:
        control(sandbox, "GET", "/_sentinel/faults", **headers)
    assert refused.value.code == 403
    refused.value.close()


def test_a_fault_that_is_none_is_refused_over_http(sandbox: Sandbox) -> None:
    with pytest.raises(HTTPError) as refused:
        control(sandbox, "POST", "/_sentinel/faults", {"service": "sts", "kind": "flood"})
    assert refused.value.code == 400
    assert b"flood" in refused.value.read()


@pytest.mark.parametrize(
    "data",
    [
        [],
        {},
        {"service": "sts"},
        {"service": "sts", "kind": "flood"},
        {"service": 1, "kind": "drop"},
        {"service": "sts", "kind": "drop", "count": "1"},
        {"service": "sts", "kind": "drop", "seconds": True},
        {"service": "sts", "kind": "drop", "more": 1},
    ],
)
def test_what_is_no_fault_is_bad_input(data: Any) -> None:
    with pytest.raises(BadInput):
        fault_from(data)


faults = st.builds(
    Fault,
    service=st.sampled_from(["sts", "ssm"]),
    kind=st.sampled_from(FaultKind),
    operation=st.none() | st.just("GetParameter"),
    count=st.none() | st.integers(1, 5),
    seconds=st.floats(0, 9),
)


@given(faults)
def test_a_fault_survives_json(fault: Fault) -> None:
    assert fault_from(json.loads(json.dumps(fault_to(fault)))) == fault


@given(st.integers(1, 20))
def test_a_counted_fault_hits_exactly_so_often(count: int) -> None:
    board = Faults()
    board.add(Fault(service="sts", kind=FaultKind.DROP, count=count))
    hits = [board.take("sts", "AssumeRole") for _ in range(count + 3)]
    assert sum(hit is not None for hit in hits) == count
