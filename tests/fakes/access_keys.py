"""The access keys of an IAM user in memory, with a crash or an error at whichever step a test wants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from sentinel_server.clock import Clock
from sentinel_server.errors import Refused
from sentinel_server.keyring.model import AccessKey
from sentinel_server.keyring.rotate import KeyRecord
from sentinel_server.keyring.vault import Item, MemoryVault
from sentinel_server.secret import Secret

T = TypeVar("T")


class Crash(BaseException):
    """The end of the process: nothing that we wrote catches it."""


@dataclass(slots=True)
class Steps:
    """Counts everything that has an effect, and ends the `at`-th one: before it happens, or after.

    `error` is what ends it; without `at` nothing ends.
    """

    at: int | None = None
    after: bool = False
    error: BaseException = field(default_factory=Crash)
    done: list[str] = field(default_factory=list)

    async def take(self, what: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Do it, or be ended."""
        self.done.append(what)
        hit = len(self.done) == self.at
        if hit and not self.after:
            raise self.error
        result = await effect()
        if hit:
            raise self.error
        return result


class FakeAccessKeys:
    """AccessKeys of the user `dev`. `slow` is how often a new key is not accepted at first."""

    def __init__(self, clock: Clock, in_use: AccessKey, steps: Steps | None = None) -> None:
        self.clock = clock
        self.steps = steps or Steps()
        self.keys: dict[str, tuple[AccessKey, datetime]] = {in_use.id: (in_use, clock.now())}
        self.slow = 0
        self.refuses: dict[str, Refused] = {}
        self.made = 0
        self._asked: dict[str, int] = {}

    async def user(self) -> str:
        """`dev`."""
        return "dev"

    async def list(self, user: str) -> tuple[KeyRecord, ...]:
        """Every key."""
        return await self.steps.take("list", self._list)

    async def create(self, user: str) -> AccessKey:
        """A new key; AWS allows two."""
        return await self.steps.take("create", self._create)

    async def works(self, key: AccessKey, user: str) -> bool:
        """Whether the key is there, its secret right, and it was asked for often enough."""
        known = self.keys.get(key.id)
        self._asked[key.id] = self._asked.get(key.id, 0) + 1
        early = key.id.startswith("AKIAMADE") and self._asked[key.id] <= self.slow
        return known is not None and not early and known[0].secret.reveal() == key.secret.reveal()

    async def delete(self, user: str, key_id: str) -> None:
        """Delete a key, if it is there."""
        await self.steps.take("delete", lambda: self._delete(key_id))

    async def _list(self) -> tuple[KeyRecord, ...]:
        self._refuse("list")
        return tuple(KeyRecord(id=key.id, created_at=made) for key, made in self.keys.values())

    async def _create(self) -> AccessKey:
        self._refuse("create")
        assert len(self.keys) < 2, "IAM allows two keys"
        self.made += 1
        key = AccessKey(id=f"AKIAMADE{self.made:08}", secret=Secret(f"secret-of-made-{self.made}"))
        self.keys[key.id] = (key, self.clock.now())
        return key

    async def _delete(self, key_id: str) -> None:
        self._refuse("delete")
        self.keys.pop(key_id, None)

    def _refuse(self, what: str) -> None:
        if what in self.refuses:
            raise self.refuses[what]


class SteppingVault(MemoryVault):
    """A vault whose changes are steps."""

    def __init__(self, clock: Clock, steps: Steps) -> None:
        super().__init__(clock)
        self.steps = steps

    async def change(self, write: Mapping[str, Item], erase: Collection[str] = ()) -> None:
        """Write and erase at once."""
        await self.steps.take("change", lambda: super(SteppingVault, self).change(write, erase))
