"""How long and how often AWS is asked."""

from __future__ import annotations

from sentinel_server.frozen import frozen


@frozen
class Timing:
    """How long a client waits, in seconds, and how often it tries in all."""

    connect: float
    read: float
    attempts: int


PATIENT = Timing(connect=2.0, read=10.0, attempts=3)
"""For commands that a person waits for."""

URGENT = Timing(connect=0.5, read=0.7, attempts=1)
"""For what happens inside a fetch: whoever calls repeats what is worth repeating."""
