"""Where policies come from, as a port, and the cache that bounds how old one may be."""

from __future__ import annotations

from typing import Protocol

from sentinel_server.policy.schema import LoadedPolicy


class PolicySource(Protocol):
    """Reads the policy of one AWS profile.

    Parses and validates on every load, so that no other policy ever exists. Raises PolicyUnavailable when it
    is missing, unreadable or not answered for, InvalidPolicy when it is not a policy.
    """

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy in force for `profile` now."""
        ...
