"""Who is asked to prove themselves and for what, and what is known when they have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from sentinel_server.frozen import frozen
from sentinel_server.policy.breakglass import MfaMethod


@frozen
class Asked:
    """Whose second factor is wanted and what for. A proof for one purpose or profile is none for another."""

    person: str
    profile: str
    purpose: str = "breakglass"


@frozen
class Proof:
    """That the person gave a code which nobody can give again. `challenge_id` is empty for TOTP."""

    person: str
    method: MfaMethod
    verified_at: datetime
    challenge_id: str = ""


@frozen
class Failure:
    """A code that was not taken, for the audit log; `locked` when no code of the person's is taken now."""

    asked: Asked
    method: MfaMethod
    at: datetime
    reason: str
    locked: bool


Tell = Callable[[Failure], Awaitable[None]]
"""Writes a failure down. What it raises is raised to whoever gave the code."""
