"""What a line holds: words, numbers, flags and times, and nothing that was not said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel_server.auditlog.event import Action, AuditEvent, to_fields

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def test_a_line_about_a_request_says_who_asked_and_who_agreed() -> None:
    event = AuditEvent(
        action=Action.REQUEST_APPROVED,
        at=AT,
        request_id="0123456789abcdef",
        requester="sso:alice@example.com",
        approver="sso:bob@example.com",
        status="pending",
        ticket="OPS-1",
    )
    assert to_fields(event) == {
        "action": "request_approved",
        "at": "2026-03-01T09:00:00.000000Z",
        "request_id": "0123456789abcdef",
        "requester": "sso:alice@example.com",
        "approver": "sso:bob@example.com",
        "status": "pending",
        "ticket": "OPS-1",
    }


@pytest.mark.parametrize("flag", [True, False])
def test_a_flag_is_written_as_one_when_it_was_said(flag: bool) -> None:
    fields = to_fields(AuditEvent(action=Action.BREAKGLASS_OPENED, at=AT, drill=flag, mfa_verified=flag))
    assert fields["drill"] is flag
    assert fields["mfa_verified"] is flag
    assert "auto_approved" not in fields
