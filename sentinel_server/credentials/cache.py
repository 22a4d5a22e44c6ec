"""What STS gave, kept for one server session and served again only behind a fresh decision.

It is never handed out under another fingerprint than it was minted for, nor after `invalidate`: a mint that
was under way then is thrown away when it arrives. What the fingerprint holds (rule, override, role, lease) is
the caller's business; whether to serve at all is too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from datetime import datetime, timedelta

from sentinel_server.clock import Clock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import TooLate
from sentinel_server.frozen import frozen

USABLE_MARGIN = timedelta(seconds=60)
"""What must be left of a credential's life for it to be served again, or a sixth of a shorter life."""

RETRY_AFTER = 5.0
"""Seconds that a failed renewal is left alone."""

Fingerprint = tuple[Hashable, ...]
"""All that a credential depends on; equal fingerprints may share one."""


@frozen
class Minted:
    """One answer of STS. `life_end` is the earlier of its real expiry and its deadline."""

    credentials: AwsCredentials
    issue_id: str
    minted_at: datetime
    life_end: datetime
    fingerprint: Fingerprint


Make = Callable[[], Awaitable[Minted]]
"""Asks STS. It runs to its end even when nobody waits any more, so that its outcome is recorded."""


class MintCache:
    """Holds at most one credential. For one event loop; `close` when the session is over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: Minted | None = None
        self._generation = 0
        self._flights: dict[Fingerprint, asyncio.Task[Minted]] = {}
        self._under_way: set[asyncio.Task[Minted]] = set()
        self._failed_at: float | None = None

    @property
    def generation(self) -> int:
        """How often everything before was declared void."""
        return self._generation

    def get(self, fingerprint: Fingerprint) -> Minted | None:
        """What is kept under this very fingerprint, while more than the margin of its life is left."""
        kept = self._kept
        if kept is None or kept.fingerprint != fingerprint:
            return None
        margin = min(USABLE_MARGIN, (kept.life_end - kept.minted_at) / 6)
        return kept if self._clock.now() + margin < kept.life_end else None

    def due(self, minted: Minted) -> bool:
        """Whether it should be renewed: at most 5/6 of its life is left, and no renewal failed just now."""
        if self._failed_at is not None and self._clock.monotonic() - self._failed_at < RETRY_AFTER:
            return False
        left = minted.life_end - self._clock.now()
        return left * 6 <= (minted.life_end - minted.minted_at) * 5

    async def mint(self, fingerprint: Fingerprint, make: Make) -> Minted:
        """A new credential, shared by all who ask while it is under way; a waiter may be cancelled alone.

        Raises what `make` raises, and TooLate when everything was invalidated meanwhile.
        """
        return await asyncio.shield(self._flight(fingerprint, make))

    def renew(self, fingerprint: Fingerprint, make: Make) -> None:
        """Start minting in the background; what is kept stays until the new one is there."""
        _ = self._flight(fingerprint, make)

    def invalidate(self) -> None:
        """Forget what is kept and refuse what is under way."""
        self._generation += 1
        self._kept = None
        self._failed_at = None
        self._flights.clear()

    async def close(self) -> None:
        """Invalidate, and wait until nothing is under way; whoever calls bounds the time."""
        self.invalidate()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _flight(self, fingerprint: Fingerprint, make: Make) -> asyncio.Task[Minted]:
        flight = self._flights.get(fingerprint)
        if flight is None:
            flight = asyncio.create_task(self._fly(fingerprint, make, self._generation))
            self._flights[fingerprint] = flight
            self._under_way.add(flight)
            flight.add_done_callback(self._landed)
        return flight

    async def _fly(self, fingerprint: Fingerprint, make: Make, generation: int) -> Minted:
        try:
            minted = await make()
        except Exception:
            if generation == self._generation:
                self._failed_at = self._clock.monotonic()
            raise
        finally:
            if generation == self._generation:
                self._flights.pop(fingerprint, None)
        if generation != self._generation:
            raise TooLate("what the credentials depend on changed while they were being minted")
        if minted.fingerprint != fingerprint:
            raise ValueError("minted for another fingerprint than asked")
        self._failed_at = None
        self._kept = minted
        return minted

    def _landed(self, flight: asyncio.Task[Minted]) -> None:
        self._under_way.discard(flight)
        with suppress(asyncio.CancelledError):
            flight.exception()  # seen here, because the waiters may all be gone
