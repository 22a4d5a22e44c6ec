"""A PolicySource that hands over only policies whose signature holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from sentinel_server.clock import Clock
from sentinel_server.errors import InvalidSetting, PolicyUnavailable, PolicyUnverified
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.loading import loaded_policy
from sentinel_server.policy.schema import LoadedPolicy
from sentinel_server.policy.signing import Torn, Unsigned, tampered, unsigned, verify
from sentinel_server.policy.statement import Statement
from sentinel_server.policy.stored import SerialMemory, Stored, StoredPolicies


class VerifiedPolicies:
    """Policies with a signature by one of `keys` that is for their place, in time, and not of an older one.

    With `required` false a policy without any signature is handed over too, and `say` is told; one whose
    signature does not hold never is. The keys are read anew for every load, so a retired one stops counting
    in programs that run.
    """

    def __init__(
        self,
        inner: StoredPolicies,
        keys: Callable[[], KeySet],
        memory: SerialMemory,
        clock: Clock,
        *,
        required: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._inner = inner
        self._keys = keys
        self._memory = memory
        self._clock = clock
        self._required = required
        self._say = say
        self._said: set[tuple[str, str]] = set()

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy for `profile`, read now, its signature checked.

        Raises PolicyUnverified, and what a PolicySource raises. Bytes and envelope are two things, so when
        they do not fit they are read once more: somebody may be writing them.
        """
        try:
            return await self._checked(await self._inner.read(profile))
        except Torn:
            stored = await self._inner.read(profile)
            try:
                return await self._checked(stored)
            except Torn:
                raise tampered(stored) from None

    async def _checked(self, stored: Stored) -> LoadedPolicy:
        highest = await self._memory.highest(stored.remembered_as)
        said, loaded = await asyncio.to_thread(self._verify, stored, highest)
        if isinstance(said, Statement):
            if said.serial > highest:
                await self._memory.saw(stored.remembered_as, said.serial)
            return replace(loaded, signer=said.key_id, serial=said.serial)
        if (about := (stored.name, loaded.sha256)) not in self._said:
            self._said.add(about)
            self._say(f"{stored.name} is not signed; signing.required is false, so it is used all the same")
        return loaded

    def _verify(self, stored: Stored, highest: int) -> tuple[Statement | Unsigned, LoadedPolicy]:
        if stored.data is None:
            hint = "put one there: sentinel policy push"
            raise PolicyUnavailable(
                f"no policy for {stored.profile}: {stored.name} does not exist", hint=hint
            )
        try:
            keys = self._keys()
        except InvalidSetting as error:
            raise PolicyUnverified(error.message, hint=error.hint) from error
        said = verify(stored, keys, now=self._clock.now(), highest=highest)
        if isinstance(said, Unsigned) and self._required:
            raise unsigned(stored)
        return said, loaded_policy(
            stored.data,
            name=stored.name,
            origin=stored.origin,
            version=str(stored.version or ""),
            account=stored.place.account or None,
        )
