"""Where policies come from, as a port."""

from __future__ import annotations

from typing import Protocol, TypeVar

from sentinel_server.policy.schema import Loaded, LoadedPolicy

L_co = TypeVar("L_co", bound=Loaded | None, covariant=True)


class Source(Protocol[L_co]):
    """Reads documents by name; None where there may be none.

    Parses and validates on every load, so that no other document ever exists. Raises PolicyUnavailable when
    it is unreadable, not answered for or not a document of its kind (then the cause is the InvalidPolicy),
    PolicyUnverified when its signature does not hold, and InvalidIdentifier when none can have that name.
    """

    async def load(self, name: str, /) -> L_co:
        """The document in force now."""
        ...


class PolicySource(Source[LoadedPolicy], Protocol):
    """Reads the policy of one AWS profile, by its name; a missing one is PolicyUnavailable, too."""


class KeptPolicies(PolicySource, Protocol):
    """A PolicySource that keeps for a while what it has read."""

    def at_hand(self, name: str, /) -> LoadedPolicy | None:
        """What `load` would give without waiting for anything; None when it would have to wait."""
        ...
