"""A policy as it lies in its store, bytes and envelope as they were read, before anything believes them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from sentinel_server.frozen import frozen
from sentinel_server.policy.schema import Origin
from sentinel_server.policy.statement import Place

SUFFIX = ".sig"
"""What the name of a policy's envelope adds to the policy's own. No profile's name may end so in SSM."""


@frozen
class Stored:
    """What the store has for one profile, read at one moment.

    `name` is what a person would look up. `data` is None and `version` 0 when there is no policy; the same
    holds for `envelope`. `remembered_as` is the key under which the highest serial is kept.
    """

    profile: str
    name: str
    place: Place
    origin: Origin
    remembered_as: str
    data: bytes | None = None
    version: int = 0
    envelope: bytes | None = None
    envelope_version: int = 0


@frozen
class Revision:
    """One version that the store remembers. `author` is empty where nobody wrote it down."""

    version: int
    at: datetime
    author: str
    data: bytes
    envelope: bytes | None = None


Tier = Literal["auto", "standard", "advanced"]


@frozen
class Shape:
    """How SSM is to keep a policy; `auto` is the standard tier for as long as that is enough."""

    tier: Tier = "auto"
    secure: bool = False
    kms_key_id: str | None = None


PLAIN = Shape()
"""What needs nothing special."""


class StoredPolicies(Protocol):
    """Reads policies together with their envelopes."""

    async def read(self, profile: str) -> Stored:
        """What is there now; nothing being there is no error.

        The two parts may be of two moments when somebody is writing. Raises PolicyUnavailable and
        InvalidIdentifier as a PolicySource does.
        """
        ...


class PolicyStore(StoredPolicies, Protocol):
    """Keeps policies with all their versions. Each write is one step, and either happens or does not."""

    async def check(self, seen: Stored, data: bytes) -> None:
        """Whether `data` could be put in the place of the policy that was seen; nothing is written.

        Raises PolicyChanged when that is gone, BadInput when the store cannot hold it.
        """
        ...

    async def write_envelope(self, seen: Stored, envelope: bytes) -> None:
        """Put the envelope in the place of the one that was seen. Raises PolicyChanged when that is gone."""
        ...

    async def write_policy(self, seen: Stored, data: bytes) -> int:
        """Put the policy in the place of the one that was seen; its version. Raises PolicyChanged, BadInput.

        The message of PolicyChanged says if somebody's version was overwritten and how to get it back.
        """
        ...

    async def history(self, profile: str) -> tuple[Revision, ...]:
        """The versions that the store still has, newest first; empty when there is none."""
        ...


class SerialMemory(Protocol):
    """Remembers the highest serial that was accepted, across processes and restarts.

    Raises PolicyUnavailable when it cannot be read or written.
    """

    async def highest(self, key: str) -> int:
        """The highest for `key`, 0 when there is none."""
        ...

    async def saw(self, key: str, serial: int) -> None:
        """Remember `serial` unless a higher one is remembered."""
        ...
