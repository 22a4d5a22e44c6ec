"""Codes from the seed of a virtual MFA device that the keyring keeps: no person is needed for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sentinel_server.clock import Clock
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.errors import LoginRequired
from sentinel_server.mfa.totp import Totp
from sentinel_server.secret import Secret

ReadSeed = Callable[[str], Awaitable[Secret | None]]
"""The seed of a device by its serial number, in Base32; None when none is kept. Raises KeyringUnavailable."""


class SeedCodes:
    """A CodeSource. A code is good once, so after a refusal it waits for the next one, once."""

    def __init__(
        self, read: ReadSeed, clock: Clock, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._read = read
        self._clock = clock
        self._pause = pause

    async def code(self, ask: CodeAsk) -> str | None:
        """The code of this moment. Raises LoginRequired for a seed that is none, KeyringUnavailable."""
        if ask.refused > 1:
            return None
        seed = await self._read(ask.serial)
        if seed is None:
            return None
        try:
            totp = Totp(secret=seed)
        except ValueError as error:
            raise LoginRequired(
                f"the keyring's seed of {ask.serial} cannot be used: {error}", hint="keep it there anew"
            ) from None
        if ask.refused:
            now = self._clock.now().timestamp()
            await self._pause(totp.period - now % totp.period)
        return totp.code(totp.step(self._clock.now()))
