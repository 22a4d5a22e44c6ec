"""Rotation of an access key: a new one is made, shown to work, taken into use, and the old one deleted.

Each step is written into the vault before the next one begins, so that whatever stops us the same command
carries on, and the key that stands in the vault works at every moment:

    nothing → begun (AWS may have made a key that nobody knows) → made (kept, not in use)
            → in use (the old one still there) → nothing
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from sentinel_server.clock import MAX_SKEW, Clock
from sentinel_server.errors import NotFound, Refused, RotationStopped, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.keyring.keys import KEYS_TURN, Keys
from sentinel_server.keyring.model import AccessKey, Rotation, StoredKey, print_key
from sentinel_server.keyring.names import key_name, sessions_in
from sentinel_server.keyring.vault import Item, Turns, Vault

STEADY = 3
"""How often in a row a key must be accepted to count as working: IAM tells its regions one after another."""

BETWEEN_TRIES = timedelta(seconds=1)
PATIENCE = timedelta(seconds=90)
"""How long a new key may take to work everywhere."""


@frozen
class KeyRecord:
    """What AWS says of one access key of a user."""

    id: str
    created_at: datetime


class NotYet(Refused):
    """The part of AWS that was asked does not know the key that signed."""


class AccessKeys(Protocol):
    """The access keys of an IAM user in AWS, asked with the key that is in use.

    Where AWS says no, Refused is raised, and nothing was done (NotYet when it does not know the key that
    signed); after any other error nobody knows.
    """

    async def user(self) -> str:
        """The name of the IAM user whose key is in use. Raises Refused when it is none."""
        ...

    async def list(self, user: str) -> tuple[KeyRecord, ...]:
        """Every key of the user."""
        ...

    async def create(self, user: str) -> AccessKey:
        """A new key; asked for once, never twice."""
        ...

    async def works(self, key: AccessKey, user: str) -> bool:
        """Whether AWS accepts this very key now as the user's. Raises Refused for another user's."""
        ...

    async def delete(self, user: str, key_id: str) -> None:
        """Delete a key; one that is not there is no error."""
        ...


@frozen
class Rotated:
    """What a rotation came to. `profiles` are all that had the old key and now have the new one."""

    old: str
    new: str
    user: str
    profiles: tuple[str, ...]


class Rotator:
    """Rotates keys in a vault; `say` is told each step, `pause` waits."""

    def __init__(
        self,
        vault: Vault,
        turns: Turns,
        aws: AccessKeys,
        clock: Clock,
        pause: Callable[[timedelta], Awaitable[None]],
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._vault = vault
        self._turns = turns
        self._keys = Keys(vault, turns, clock)
        self._aws = aws
        self._clock = clock
        self._pause = pause
        self._say = say

    async def rotate(self, profile: str) -> Rotated:
        """Rotate a profile's key, or end a rotation that was interrupted.

        Raises NotFound, and RotationStopped, which says which key is in use.
        """
        async with self._turns.of(KEYS_TURN):
            if await self._keys.get(profile) is None:
                raise NotFound(f"the keyring has no key for {profile}", hint="see: sentinel keyring list")
            try:
                resumed = await self._begin(profile)
                await self._make(profile, resumed=resumed)
                await self._take_into_use(profile)
                return await self._end(profile)
            except SentinelError as error:
                raise _stopped(profile, await self._stored(profile), error) from error

    async def _begin(self, profile: str) -> bool:
        """Write down that a rotation begins; whether one had begun before."""
        stored = await self._stored(profile)
        if stored.rotation is not None:
            self._say("carrying on with the rotation that was interrupted")
            return True
        user = await self._aws.user()
        known = tuple(record.id for record in await self._aws.list(user))
        if stored.key.id not in known:
            raise Refused(f"AWS does not list {stored.key.id} among the keys of user {user}")
        for other in known:
            if other != stored.key.id:
                raise await self._second_key(user, other)
        rotation = Rotation(user=user, began_at=self._clock.now(), before=known)
        await self._write(profile, replace(stored, rotation=rotation))
        return False

    async def _second_key(self, user: str, key_id: str) -> Refused:
        what = f"user {user} has a second access key, {key_id}, and IAM allows no third one"
        for profile, stored in (await self._keys.of_all()).items():
            if stored.rotation is not None and stored.rotation.user == user:
                return Refused(what, hint=f"end that rotation first: sentinel keyring rotate {profile}")
        delete = f"aws iam delete-access-key --user-name {user} --access-key-id {key_id}"
        return Refused(what, hint=f"if nobody uses it: {delete}")

    async def _make(self, profile: str, *, resumed: bool) -> None:
        stored = await self._stored(profile)
        rotation = _under_way(stored)
        if rotation.made is not None or rotation.old is not None:
            return
        if resumed:
            await self._delete_lost(stored.key.id, rotation)
        await _to_the_end(self._make_and_keep(profile, stored, rotation))

    async def _make_and_keep(self, profile: str, stored: StoredKey, rotation: Rotation) -> None:
        try:
            made = await self._aws.create(rotation.user)
        except Refused:
            await self._write(profile, replace(stored, rotation=None))  # nothing was made
            raise
        await self._write(profile, replace(stored, rotation=replace(rotation, made=made)))
        self._say(f"made {made.id}")

    async def _delete_lost(self, in_use: str, rotation: Rotation) -> None:
        """Delete the key that AWS made for us when we were stopped before we could keep it."""
        for record in await self._aws.list(rotation.user):
            if record.id in (in_use, *rotation.before):
                continue
            if record.created_at < rotation.began_at - MAX_SKEW:
                raise Refused(f"user {rotation.user} has a second access key, {record.id}, which is not ours")
            await self._aws.delete(rotation.user, record.id)
            self._say(f"deleted {record.id}, which was made and lost when this was interrupted")

    async def _take_into_use(self, profile: str) -> None:
        stored = await self._stored(profile)
        rotation = _under_way(stored)
        if rotation.made is None:
            return
        self._say(f"waiting until AWS knows {rotation.made.id} everywhere")
        try:
            await self._until_it_works(rotation.made, rotation.user)
        except Refused:
            if rotation.made.id not in [record.id for record in await self._aws.list(rotation.user)]:
                await self._write(profile, replace(stored, rotation=None))  # somebody has deleted it
            raise
        after = replace(
            stored,
            key=rotation.made,
            stored_at=self._clock.now(),
            rotation=replace(rotation, made=None, old=stored.key),
        )
        await self._swap(profile, stored.key.id, after)
        self._say(f"{rotation.made.id} is in use")

    async def _end(self, profile: str) -> Rotated:
        stored = await self._stored(profile)
        rotation, new = _under_way(stored), stored.key
        assert rotation.old is not None  # noqa: S101  # the step before has put it there
        old = rotation.old
        try:
            await self._until_it_works(new, rotation.user, times=1)
        except Refused:
            if await self._aws.works(old, rotation.user):
                await self._swap(profile, new.id, replace(stored, key=old, rotation=None))
            raise
        await self._patiently(lambda: self._aws.delete(rotation.user, old.id))
        await self._write(profile, replace(stored, rotation=None))
        return Rotated(old=old.id, new=new.id, user=rotation.user, profiles=await self._with(new.id))

    async def _swap(self, profile: str, former: str, after: StoredKey) -> None:
        """Give all profiles that have the key `former` another one, and forget their sessions, at once."""
        shared = await self._with(former)
        written = {key_name(each): _item(replace(after, rotation=None)) for each in shared}
        listing = await self._vault.listing()
        sessions = [name for each in (profile, *shared) for name in sessions_in(listing, each)]
        await self._vault.change({**written, key_name(profile): _item(after)}, sessions)

    async def _until_it_works(self, key: AccessKey, user: str, times: int = STEADY) -> None:
        accepted, waited = 0, timedelta(0)
        while True:
            accepted = accepted + 1 if await self._aws.works(key, user) else 0
            if accepted == times:
                return
            if waited >= PATIENCE:
                raise Refused(f"AWS has not accepted {key.id} for {PATIENCE.seconds} s")
            await self._pause(BETWEEN_TRIES)
            waited += BETWEEN_TRIES

    async def _patiently(self, call: Callable[[], Awaitable[None]]) -> None:
        """Ask again while the part of AWS that is asked does not know the new key yet."""
        waited = timedelta(0)
        while True:
            try:
                return await call()
            except NotYet:
                if waited >= PATIENCE:
                    raise
            await self._pause(BETWEEN_TRIES)
            waited += BETWEEN_TRIES

    async def _with(self, key_id: str) -> tuple[str, ...]:
        """The profiles that have this key."""
        kept = await self._keys.of_all()
        return tuple(profile for profile, stored in kept.items() if stored.key.id == key_id)

    async def _stored(self, profile: str) -> StoredKey:
        stored = await self._keys.get(profile)
        if stored is None:
            raise NotFound(f"the key of {profile} was removed meanwhile")
        return stored

    async def _write(self, profile: str, stored: StoredKey) -> None:
        await self._vault.change({key_name(profile): _item(stored)})


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Let the work end even when we are told to stop: what it has made must be kept."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _item(stored: StoredKey) -> Item:
    return Item(value=print_key(stored))


def _under_way(stored: StoredKey) -> Rotation:
    assert stored.rotation is not None  # noqa: S101  # the first step has written it
    return stored.rotation


def _stopped(profile: str, stored: StoredKey, error: SentinelError) -> RotationStopped:
    under_way = stored.rotation is not None
    hint = f"carry on: sentinel keyring rotate {profile}" if under_way else error.hint
    why = f"{error.message}; {stored.key.id} is in use"
    return RotationStopped(f"the key of {profile} was not rotated to the end: {why}", hint=hint)
