"""Asking somebody for their second factor: on the terminal, or in two runs where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel_server.mfa.challenge import Challenge
    from sentinel_server.mfa.proof import Asked, Proof
    from sentinel_server.policy.breakglass import MfaMethod
    from sentinel_server.wiring import Factors


async def prove(
    factors: Factors,
    asked: Asked,
    methods: Sequence[MfaMethod] = (),
    *,
    code: str | None = None,
    challenge_id: str = "",
) -> Proof:
    """The proof that `asked.person` is there: by the code given, else by one that they type now.

    Raises MfaRequired when a code is wanted and nobody can be asked; one that was sent meanwhile can be given
    in another run, with the id of its challenge. And what `SecondFactor` raises.
    """
    verifier = factors.verifier
    if code is None:
        challenge = await verifier.begin(asked, methods)
        code, challenge_id = _asked_for(challenge), challenge.id if challenge else ""
    return await verifier.verify(asked, code, challenge_id, methods)


def _asked_for(challenge: Challenge | None) -> str:
    from cli.prompt import ask_secret, somebody_there
    from sentinel_server.errors import MfaRequired

    if not somebody_there():
        if challenge is None:
            raise MfaRequired("a code of your authenticator is wanted, and there is no terminal to ask on")
        raise MfaRequired(
            f"a code was sent to {challenge.target}, and there is no terminal to ask for it on",
            hint=f"within 5 minutes, say it again with --mfa-challenge-id {challenge.id} --mfa-code CODE",
        )
    where = "your authenticator shows" if challenge is None else f"was sent to {challenge.target}"
    return ask_secret(f"code that {where}").reveal()
