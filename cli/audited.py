"""Audit lines of what a command has already done in the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sentinel_server.errors import AuditUnavailable

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.settings.resolve import Settings


async def write_down(settings: Settings, events: Sequence[AuditEvent]) -> AuditUnavailable | None:
    """Write the lines; the error to end with when the log must have them and cannot.

    It is handed back, not raised, because what was done stands and its result must be shown first.
    """
    from sentinel_server.wiring import open_audit

    if not events:
        return None
    try:
        async with open_audit(settings) as audit:
            await audit.record(*events)
    except AuditUnavailable as error:
        return AuditUnavailable(
            f"it is done, but the audit log has no line of it: {error.message}", hint=error.hint
        )
    return None
