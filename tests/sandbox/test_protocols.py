"""Every protocol gets its own errors, and nothing is guessed about a request nobody understands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.fakes.aws import Sandbox, embedded_aws

EVENTS = {"logGroupName": "a", "logStreamName": "b"}
NOTHING: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(scope="module")
def nobody(sandbox: Sandbox) -> Any:
    """Clients of a user who may do nothing."""
    keys = sandbox.aws.add_user("nobody", policy=NOTHING)
    return lambda service: sandbox.client(service, keys)


def send(
    sandbox: Sandbox, service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """The status and body of a request that `dev` has signed by hand."""
    request = AWSRequest(method, sandbox.aws.url + path, data=body, headers=dict(headers))
    SigV4Auth(Credentials(*sandbox.dev), service, "us-east-1").add_auth(request)
    raw = Request(sandbox.aws.url + path, body or None, dict(request.headers.items()), method=method)
    try:
        with urlopen(raw, timeout=5) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize(
    ("service", "operation", "params", "action"),
    [
        ("iam", "get_policy", {"PolicyArn": "arn:aws:iam::111122223333:policy/x"}, "iam:GetPolicy"),
        ("kms", "describe_key", {"KeyId": "11111111-2222-3333-4444-555555555555"}, "kms:DescribeKey"),
        ("kms", "describe_key", {"KeyId": "alias/none"}, "kms:DescribeKey"),
        ("logs", "describe_log_groups", {}, "logs:DescribeLogGroups"),
        ("logs", "get_log_events", EVENTS, "logs:GetLogEvents"),
        ("ssm", "list_documents", {}, "ssm:ListDocuments"),
        ("cloudwatch", "list_metrics", {}, "cloudwatch:ListMetrics"),
        ("scheduler", "list_schedules", {}, "scheduler:ListSchedules"),
        ("s3", "delete_objects", {"Bucket": "b", "Delete": {"Objects": [{"Key": "k"}]}}, "s3:DeleteObject"),
    ],
)
def test_a_denial_names_the_action_in_the_services_protocol(
    nobody: Any, service: str, operation: str, params: dict[str, Any], action: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(nobody(service), operation)(**params)
    error = refused.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "AccessDeniedException")
    assert f"is not authorized to perform: {action} on resource: " in error["Message"]


def test_an_operation_sts_does_not_have_is_an_invalid_action(sandbox: Sandbox) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, body = send(sandbox, "sts", "POST", "/", b"Action=AssumeEverything&Version=2011-06-15", form)
    assert (status, b"<Code>InvalidAction</Code>" in body) == (400, True)


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff"])
def test_a_json_request_that_is_not_an_object_is_refused(sandbox: Sandbox, body: bytes) -> None:
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    status, said = send(sandbox, "dynamodb", "POST", "/", body, target)
    assert (status, b"SerializationException" in said) == (400, True)


@pytest.mark.parametrize(
    ("service", "path"), [("scheduler", "/no/such/thing"), ("nowhere", "/x"), ("s3", "/")]
)
def test_a_request_no_model_has_is_not_guessed_at(sandbox: Sandbox, service: str, path: str) -> None:
    status, body = send(sandbox, service, "PATCH", path, b"", {})
    assert (status, b"the sandbox knows no PATCH request" in body) == (501, True)


def test_a_service_moto_does_not_have_is_named(sandbox: Sandbox) -> None:
    target = {"X-Amz-Target": "Nowhere.Do", "Content-Type": "application/x-amz-json-1.1"}
    status, body = send(sandbox, "nowhere", "POST", "/", b"{}", target)
    assert b"NotImplemented" in body or b"Not yet implemented" in body
    assert status >= 400


def test_managed_session_policies_are_not_taken(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        sandbox.client("sts").assume_role(
            RoleArn=sandbox.prod_arn,
            RoleSessionName="work",
            PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        )


def test_a_request_of_an_impossible_shape_gets_an_answer_too(sandbox: Sandbox) -> None:
    target = {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"}
    status, said = send(sandbox, "dynamodb", "POST", "/", b'{"TableName": "t", "Key": "id"}', target)
    assert (status, b"InternalFailure" in said) == (500, True)
