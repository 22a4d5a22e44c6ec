"""Credentials as values, and the two JSON shapes in which they leave."""

from __future__ import annotations

import json
from datetime import datetime

from sentinel_server.clock import whole_seconds
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret


@frozen
class AwsCredentials:
    """One set of AWS credentials; long-lived keys have neither token nor expiry."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None
    expires_at: datetime | None = None


def container_json(credentials: AwsCredentials, expires_at: datetime) -> bytes:
    """The body every AWS SDK accepts from a container-credentials endpoint (`spec/sdk.md` §1e).

    Exactly five keys: an `AccountId` would switch some SDKs to other endpoints. Raises ValueError for
    credentials without a session token, which SDKs refuse and which could not be cut off.
    """
    if credentials.session_token is None:
        raise ValueError("long-lived keys are never served")
    body = {
        "Code": "Success",
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.reveal(),
        "Token": credentials.session_token.reveal(),
        "Expiration": whole_seconds(expires_at),
    }
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def process_json(credentials: AwsCredentials, expires_at: datetime) -> str:
    """The `credential_process` document, version 1.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    """
    body = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.reveal(),
        "Expiration": whole_seconds(expires_at),
    }
    if credentials.session_token is not None:
        body["SessionToken"] = credentials.session_token.reveal()
    return json.dumps(body, indent=2)
