"""Where audit events go, as a port."""

from __future__ import annotations

from typing import Protocol

from sentinel_server.auditlog.event import AuditEvent


class AuditSink(Protocol):
    """Keeps events in the order they are recorded."""

    async def record(self, *events: AuditEvent, durable: bool = True) -> None:
        """Write the events; with `durable`, return only when they would survive a crash of this machine.

        Raises AuditUnavailable when they could not be written.
        """
        ...

    async def close(self) -> None:
        """Write what is pending and let go of the file."""
        ...
