"""The errors services themselves make when they are in trouble, in each service's own words."""

from __future__ import annotations

from sentinel_server.sandbox.wire import Call, Refusal, Reply, json_reply

_THROTTLED = {
    "dynamodb": Refusal(
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
        "provisioning level with the UpdateTable API.",
    ),
    "s3": Refusal("SlowDown", "Please reduce your request rate.", 503),
    "sso": Refusal("TooManyRequestsException", "HTTP 429 Unknown Code", 429),
    "sso-oidc": Refusal("SlowDownException", "slow_down"),
}
_BROKEN = {
    "dynamodb": Refusal("InternalServerError", "Internal server error", 500),
    "ssm": Refusal("InternalServerError", "Internal server error", 500),
    "kms": Refusal("KMSInternalException", "Internal server error", 500),
    "sso-oidc": Refusal("InternalServerException", "server_error", 500),
    "s3": Refusal("InternalError", "We encountered an internal error. Please try again.", 500),
}


def throttled(call: Call) -> Refusal:
    """The service's throttling error."""
    code = "Throttling" if call.protocol == "query" else "ThrottlingException"
    return _THROTTLED.get(call.service, Refusal(code, "Rate exceeded"))


def broken(call: Call) -> Refusal:
    """The service's internal error."""
    return _BROKEN.get(call.service, Refusal("InternalFailure", "The request processing has failed", 500))


def unprocessed(call: Call) -> Reply:
    """BatchGetItem's answer when it got round to nothing."""
    asked = call.params.get("RequestItems", {})
    return json_reply({"Responses": {table: [] for table in asked}, "UnprocessedKeys": asked})


def garbled(call: Call) -> Reply:
    """A success whose body no SDK can read; botocore takes a JSON one for an empty answer."""
    body = b'{"surprise": ' if call.protocol in ("json", "rest-json") else b"<surprise"
    return Reply(status=200, headers={"Content-Type": "application/x-amz-json-1.0"}, body=body)
