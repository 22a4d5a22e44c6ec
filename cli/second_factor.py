"""Asking somebody for their second factor, on a terminal alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel_server.breakglass.model import MfaEvidence
    from sentinel_server.breakglass.opening import Call, Desk
    from sentinel_server.policy.breakglass import MfaMethod
    from sentinel_server.settings.resolve import Settings


async def prove(
    settings: Settings,
    desk: Desk,
    call: Call,
    methods: Sequence[MfaMethod],
    *,
    code: str | None,
    challenge_id: str,
) -> MfaEvidence:
    """The evidence of the invoker's second factor.

    Raises MfaUnavailable: this release checks none yet.
    """
    from sentinel_server.errors import MfaUnavailable

    raise MfaUnavailable(f"a second factor of {call.person} is wanted, and none can be checked here yet")
