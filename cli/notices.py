"""Telling of what a command has just done: at once where that is possible, and never in the way of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sentinel_server.errors import SentinelError

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.notifications.outbox import Delivery
    from sentinel_server.records.model import Ledger
    from sentinel_server.records.store import Records
    from sentinel_server.settings.resolve import Settings

_GRACE = timedelta(seconds=2)
"""What opening and closing may take beyond the time for delivery."""


async def deliver_now(
    settings: Settings, records: Records, ledger: Ledger, delivery_ids: Sequence[str]
) -> list[AuditEvent]:
    """Send the messages of a change that was committed; the audit lines of those that failed.

    Takes `notifications.within` at most, and fails never: what is left is in the outbox, and a note says so.
    """
    from cli.output import note
    from sentinel_server.wiring import open_outbox

    if not settings.notifications_to or not delivery_ids:
        return []
    within = settings.notifications_within
    try:
        async with asyncio.timeout((within + _GRACE).total_seconds()), open_outbox(settings, records) as box:
            deliveries = await box.deliver(ledger, delivery_ids, within)
    except (SentinelError, TimeoutError) as error:
        why = error.message if isinstance(error, SentinelError) else "the time was up"
        note(f"warning: nobody was told yet ({why}); try again with: sentinel notify flush")
        return []
    failing = [each for each in deliveries if each.failed]
    for each in failing:
        note(f"warning: {in_words(each)}; it stays in the outbox: sentinel notify flush")
    return failures(failing)


def in_words(delivery: Delivery) -> str:
    """Who was not told what, and why."""
    reasons = "; ".join(f"{name}: {why}" for name, why in delivery.failed.items())
    return f"{delivery.type or 'a row'} was not delivered to {reasons}"


def failures(deliveries: Sequence[Delivery]) -> list[AuditEvent]:
    """The audit lines of what was not delivered, one for each message."""
    from sentinel_server.auditlog.event import Action, AuditEvent
    from sentinel_server.clock import SystemClock

    now = SystemClock().now()
    return [
        AuditEvent(
            action=Action.NOTIFICATION_FAILED,
            at=now,
            reason=in_words(each),
            outcome=each.outcome.value,
            delivery_id=each.delivery_id,
        )
        for each in deliveries
        if each.failed
    ]
