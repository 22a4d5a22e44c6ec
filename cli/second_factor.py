"""The second factor of whoever breaks the glass, as evidence to be stored with the emergency."""

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
    """The evidence of the invoker's second factor, by one of `methods`; none means any.

    Raises MfaRequired, MfaRefused, MfaLocked and MfaUnavailable.
    """
    from cli.output import note
    from cli.prompt import TerminalPassphrase
    from cli.proving import prove as proved
    from sentinel_server.breakglass.model import MfaEvidence
    from sentinel_server.mfa.proof import Asked
    from sentinel_server.wiring import open_factors

    asked = Asked(person=call.person, profile=call.wanted.profile)
    async with open_factors(settings, desk.records, TerminalPassphrase(), note) as factors:
        proof = await proved(factors, asked, methods, code=code, challenge_id=challenge_id)
    # By the clock that dates the emergency, which AWS has corrected: `satisfies` compares the two.
    shown_at = desk.clock.now()
    return MfaEvidence(method=proof.method.value, verified_at=shown_at, challenge_id=proof.challenge_id)
