"""The one-shot doors: `exec` without a server, and `credential_process`. Decided once, recorded, handed
over.
"""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.access.gate import Gate
from sentinel_server.access.seat import Issued, Seat

PATIENCE = timedelta(seconds=15)
"""How long one fact may take when a person is waiting at a prompt."""


async def issue_once(gate: Gate, seat: Seat) -> Issued:
    """Credentials for one command. Raises the refusal otherwise."""
    try:
        return await gate.issue(seat, patience=PATIENCE)
    finally:
        await seat.journal.flush(end=True)
