"""Access keys by profile: added, looked up, removed with everything that was made from them."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel_server.clock import Clock
from sentinel_server.errors import AlreadyExists, NotFound
from sentinel_server.keyring.model import AccessKey, StoredKey, parse_key, print_key
from sentinel_server.keyring.names import key_name, profiles_in, sessions_in
from sentinel_server.keyring.vault import Item, Turns, Vault

KEYS_TURN = "keys"
"""What whoever changes a key has the turn at: several profiles may have the same one."""


class Keys:
    """The access keys in a vault. Whoever changes one has the turn, so that no two changes are mixed."""

    def __init__(self, vault: Vault, turns: Turns, clock: Clock) -> None:
        self._vault = vault
        self._turns = turns
        self._clock = clock

    async def profiles(self) -> tuple[str, ...]:
        """Who has a key, sorted; nothing is opened for that."""
        return profiles_in(await self._vault.listing())

    async def get(self, profile: str) -> StoredKey | None:
        """What is kept for the profile. Raises KeyringUnavailable."""
        text = await self._vault.read(key_name(profile))
        return None if text is None else parse_key(text)

    async def of_all(self) -> Mapping[str, StoredKey]:
        """What is kept for every profile."""
        found = {profile: await self.get(profile) for profile in await self.profiles()}
        return {profile: stored for profile, stored in found.items() if stored is not None}

    async def add(self, profile: str, key: AccessKey, *, replace: bool = False) -> None:
        """Keep a key; sessions of the one it replaces are forgotten.

        Raises AlreadyExists without `replace`, and always while a rotation is under way.
        """
        name = key_name(profile)
        async with self._turns.of(KEYS_TURN):
            found = await self.get(profile)
            if found is not None and found.rotation is not None:
                raise AlreadyExists(
                    f"a rotation of the keys of {profile} was interrupted",
                    hint=f"end it first: sentinel keyring rotate {profile}",
                )
            if found is not None and not replace:
                raise AlreadyExists(
                    f"the keyring has a key for {profile} already ({found.key.id})",
                    hint="to put another in its place: --replace",
                )
            stored = StoredKey(key=key, stored_at=self._clock.now())
            sessions = sessions_in(await self._vault.listing(), profile)
            await self._vault.change({name: Item(value=print_key(stored))}, sessions)

    async def remove(self, profile: str) -> None:
        """Forget a profile's key and its sessions. Raises NotFound."""
        name = key_name(profile)
        async with self._turns.of(KEYS_TURN):
            listing = await self._vault.listing()
            if name not in listing:
                raise NotFound(f"the keyring has no key for {profile}", hint="see: sentinel keyring list")
            await self._vault.change({}, {name, *sessions_in(listing, profile)})

    async def clear(self, profile: str | None = None) -> int:
        """Forget the sessions of one profile, or all; the number of those forgotten. Keys stay."""
        sessions = sessions_in(await self._vault.listing(), profile)
        if sessions:
            await self._vault.change({}, sessions)
        return len(sessions)
