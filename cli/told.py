"""What follows a change to an emergency: its lines in the audit log, and its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.breakglass.deeds import Done
    from sentinel_server.breakglass.opening import Desk
    from sentinel_server.errors import AuditUnavailable
    from sentinel_server.settings.resolve import Settings


async def wrote_down(
    settings: Settings, done: Done, principal_arn: str | None = None, *more: AuditEvent
) -> AuditUnavailable | None:
    """Write down what was done, and by whom; the error to end with when the log must have it and cannot.

    `more` are further lines that go with it.
    """
    from cli.audited import write_down
    from sentinel_server.breakglass.deeds import audit_line

    return await write_down(settings, [audit_line(deed, principal_arn) for deed in done.deeds] + list(more))


async def tell(settings: Settings, desk: Desk, done: Done) -> None:
    """Send the messages that are due, after people were shown what was done: nobody waits for a receiver.

    Never raises; what could not be delivered stays in the outbox, and both a note and the log say so.
    """
    from cli.audited import write_down
    from cli.notices import deliver_now
    from sentinel_server.records.model import Ledger

    failures = await deliver_now(settings, desk.records, Ledger.BREAKGLASS, done.deliveries)
    await write_down(settings, failures)
