"""What reached the sandbox, for people and tests to look at. No secret, token or body is kept."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from sentinel_server.frozen import frozen

KEPT = 10_000
"""Calls remembered; older ones are forgotten."""

_SHOWN = frozenset(
    {
        "Bucket",
        "ConditionExpression",
        "ConsistentRead",
        "DurationSeconds",
        "ExpressionAttributeNames",
        "IndexName",
        "Key",
        "KeyId",
        "MessageDeduplicationId",
        "MessageGroupId",
        "Name",
        "Names",
        "Path",
        "Policy",
        "PolicyName",
        "RequestItems",
        "ReturnValues",
        "RoleArn",
        "RoleName",
        "RoleSessionName",
        "SerialNumber",
        "SourceIdentity",
        "Subject",
        "TableName",
        "Tags",
        "TopicArn",
        "UpdateExpression",
        "UserName",
        "accountId",
        "grantType",
        "roleName",
        "startUrl",
    }
)
"""Parameters that name things and hold no secret value."""


@frozen
class Seen:
    """One request. `principal` is the caller's ARN, None when it was not established; `error` AWS's code."""

    service: str
    operation: str
    principal: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    error: str | None = None


class CallLog:
    """The last `KEPT` calls, oldest first. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=KEPT)

    def add(self, seen: Seen) -> None:
        """Remember one call."""
        with self._lock:
            self._seen.append(seen)

    def all(self) -> list[Seen]:
        """The calls so far."""
        with self._lock:
            return list(self._seen)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._seen.clear()


def shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that may be kept."""
    return {name: value for name, value in params.items() if name in _SHOWN}
