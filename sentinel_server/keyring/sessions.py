"""Temporary sessions that every process of this machine may use: asked for once, kept until they end."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from datetime import timedelta

from sentinel_server.canonical import Json
from sentinel_server.clock import Clock, parse_sortable, sortable
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import KeyringUnavailable
from sentinel_server.keyring.keys import Keys
from sentinel_server.keyring.names import session_name, session_prefix
from sentinel_server.keyring.vault import Item, Turns, Vault
from sentinel_server.secret import Secret

LEAST = timedelta(minutes=5)
"""What must be left of a kept session for it to be used."""


class KeptSessions:
    """A SessionCache in a vault. A vault that fails is said and does without: sessions can be made again."""

    def __init__(self, vault: Vault, turns: Turns, clock: Clock, say: Callable[[str], None]) -> None:
        self._vault = vault
        self._turns = turns
        self._clock = clock
        self._say = say

    async def session(
        self,
        owner: str,
        about: Json,
        make: Callable[[], Awaitable[AwsCredentials]],
        spent: Callable[[AwsCredentials], bool] = lambda _: False,
    ) -> AwsCredentials:
        """The session kept under `about`, else a new one, which one process makes for all."""
        found = await self._usable(about, spent)
        if found is not None:
            return found
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._turns.of(session_prefix(about)))
            except KeyringUnavailable as error:
                self._say(f"other processes may ask for the same session: {error.message}")
            found = await self._usable(about, spent)
            if found is None:
                found = await make()
                await self._keep(session_name(owner, about), found)
            return found

    async def _usable(self, about: Json, spent: Callable[[AwsCredentials], bool]) -> AwsCredentials | None:
        try:
            names = [name for name in await self._vault.listing() if name.startswith(session_prefix(about))]
            texts = [await self._vault.read(name) for name in names]
        except KeyringUnavailable as error:
            self._say(f"the keyring could not be asked for a session: {error.message}")
            return None
        found = [session for text in texts if text is not None and (session := _parsed(text)) is not None]
        return next((each for each in found if self._lasts(each) and not spent(each)), None)

    def _lasts(self, session: AwsCredentials) -> bool:
        return session.expires_at is not None and session.expires_at - self._clock.now() >= LEAST

    async def _keep(self, name: str, made: AwsCredentials) -> None:
        if made.expires_at is None or made.session_token is None:
            return
        try:
            await self._vault.change({name: Item(value=_printed(made), until=made.expires_at)})
        except KeyringUnavailable as error:
            self._say(f"the keyring could not keep this session: {error.message}")


class VaultKeys:
    """KeptKeys from a vault. `mark` differs whenever the vault has changed; until then nothing is read."""

    def __init__(self, keys: Keys, mark: Callable[[], object]) -> None:
        self._keys = keys
        self._mark = mark
        self._known: dict[str, tuple[object, AwsCredentials | None]] = {}

    async def profiles(self) -> Collection[str]:
        """Who has keys."""
        return await self._keys.profiles()

    async def keys(self, profile: str) -> AwsCredentials | None:
        """The profile's keys as they are now. Raises KeyringUnavailable."""
        mark = self._mark()
        known = self._known.get(profile)
        if known is None or known[0] != mark:
            known = self._known[profile] = (mark, await self._read(profile))
        return known[1]

    async def _read(self, profile: str) -> AwsCredentials | None:
        if profile not in await self._keys.profiles():
            return None
        stored = await self._keys.get(profile)
        if stored is None:
            return None
        return AwsCredentials(access_key_id=stored.key.id, secret_access_key=stored.key.secret)


def _printed(session: AwsCredentials) -> Secret:
    token, end = session.session_token, session.expires_at
    return Secret(
        json.dumps(
            {
                "version": 1,
                "id": session.access_key_id,
                "secret": session.secret_access_key.reveal(),
                "token": None if token is None else token.reveal(),
                "until": None if end is None else sortable(end),
            }
        )
    )


def _parsed(text: Secret) -> AwsCredentials | None:
    """The session; None for what another release wrote or nobody can use."""
    try:
        found = json.loads(text.reveal())
        if found["version"] != 1:
            return None
        return AwsCredentials(
            access_key_id=str(found["id"]),
            secret_access_key=Secret(str(found["secret"])),
            session_token=Secret(str(found["token"])),
            expires_at=parse_sortable(found["until"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
