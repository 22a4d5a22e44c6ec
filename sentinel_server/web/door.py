"""What the HTTP layer needs: somebody who decides, and somebody who is told what never got that far."""

from __future__ import annotations

from typing import Protocol

from sentinel_server.errors import SentinelError


class Door(Protocol):
    """The gate, as the loopback server sees it."""

    async def fetch(self) -> bytes:
        """The container-credentials JSON body for one fetch.

        Raises SentinelError for every refusal. Never prompts. May be called concurrently, and is cancelled
        when the answer would come too late.
        """
        ...


class Witness(Protocol):
    """Is told what the HTTP layer itself refused, for the audit log; must not block nor raise."""

    def auth_failed(self, why: str) -> None:
        """A request was refused before the door was asked; `why` is fixed words, never what was sent."""
        ...

    def rate_limited(self) -> None:
        """A fetch would have had to wait too long for its turn."""
        ...

    def failed(self, error: SentinelError) -> None:
        """The door was too late, or raised something unexpected that was answered as `error`."""
        ...
