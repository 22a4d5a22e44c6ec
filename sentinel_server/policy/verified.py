"""Sources that hand over only what has a signature that holds, and the one that checks none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

from sentinel_server.clock import Clock
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.loading import Accepted
from sentinel_server.policy.schema import Loaded
from sentinel_server.policy.signing import Torn, Unsigned, gone, tampered, unsigned, verify
from sentinel_server.policy.statement import Statement
from sentinel_server.policy.stored import SerialMemory, Stored, StoredPolicies

L = TypeVar("L", bound=Loaded | None)

Make = Callable[[Stored, Accepted | None], L]
"""Makes a document of what was read. Raises PolicyUnavailable."""


class Unverified(Generic[L]):
    """A Source of what a store has, for where no keys are pinned: nothing shows who wrote it."""

    def __init__(self, inner: StoredPolicies, make: Make[L]) -> None:
        self._inner = inner
        self._make = make

    async def load(self, name: str) -> L:
        """The document of that name, read now."""
        return await asyncio.to_thread(self._make, await self._inner.read(name), None)


class Verified(Generic[L]):
    """Documents with a signature by one of `keys` that is for their place, in time, and not of an older one.

    With `required` false a document without any signature is handed over too, and `say` is told; one whose
    signature does not hold never is. The keys are read anew for every load, so a retired one stops counting
    in programs that run; `keys` raises PolicyUnverified when they are not to be believed.
    """

    def __init__(
        self,
        inner: StoredPolicies,
        keys: Callable[[], Awaitable[KeySet]],
        memory: SerialMemory,
        clock: Clock,
        make: Make[L],
        *,
        required: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._keys = keys
        self._memory = memory
        self._clock = clock
        self._make = make
        self._required = required
        self._say = say
        self._said: set[tuple[str, str]] = set()

    async def load(self, name: str) -> L:
        """The document of that name, read now, its signature checked.

        Raises PolicyUnverified, and what a Source raises. Bytes and envelope are two things, so when they do
        not fit they are read once more: somebody may be writing them.
        """
        try:
            return await self._checked(await self._inner.read(name))
        except Torn:
            stored = await self._inner.read(name)
            try:
                return await self._checked(stored)
            except Torn:
                raise tampered(stored) from None

    async def _checked(self, stored: Stored) -> L:
        highest = await self._memory.highest(stored.remembered_as)
        keys = await self._keys()
        accepted, loaded = await asyncio.to_thread(self._verify, stored, keys, highest)
        if accepted is not None:
            if (serial := accepted.statement.serial) > highest:
                await self._memory.saw(stored.remembered_as, serial)
        elif loaded is not None and (about := (stored.name, loaded.sha256)) not in self._said:
            self._said.add(about)
            self._say(f"{stored.name} is not signed; signing.required is false, so it is used all the same")
        return loaded

    def _verify(self, stored: Stored, keys: KeySet, highest: int) -> tuple[Accepted | None, L]:
        if stored.data is None:
            loaded = self._make(stored, None)
            if max(highest, keys.minimum(stored.place)):
                raise gone(stored)
            return None, loaded
        said = verify(stored, keys, now=self._clock.now(), highest=highest)
        if isinstance(said, Unsigned) and self._required:
            raise unsigned(stored)
        accepted = None if isinstance(said, Unsigned) else Accepted(statement=said, until=_until(said, keys))
        return accepted, self._make(stored, accepted)


def _until(said: Statement, keys: KeySet) -> datetime | None:
    key = keys.find(said.key_id)
    ends = (
        said.not_after,
        None if key is None else key.not_after,
        None if keys.signature is None else keys.signature.not_after,
    )
    return min((end for end in ends if end is not None), default=None)
