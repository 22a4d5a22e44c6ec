from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sentinel_server.credentials.deadline import deadline_policy


def test_the_session_policy_allows_everything_until_the_deadline_and_nothing_after() -> None:
    policy = json.loads(deadline_policy(datetime(2026, 1, 31, 9, 5, 0, 999999, UTC)))
    assert policy["Statement"] == [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-01-31T09:05:00Z"}},
        },
    ]
    assert policy["Version"] == "2012-10-17"


def test_a_deadline_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        deadline_policy(datetime(2026, 1, 31))  # noqa: DTZ001 - the point of the test
