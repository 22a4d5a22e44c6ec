"""The vault as a port: secrets by name, kept by this machine for its user. One suite holds every kind to it.

A vault that cannot be opened raises KeyringUnavailable, and KeyringLocked when only a person could open it.
Nothing is ever taken as absent because it could not be read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from sentinel_server.clock import Clock
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret


@frozen
class Item:
    """A secret to be kept; after `until` it is gone."""

    value: Secret
    until: datetime | None = None


class Vault(Protocol):
    """Keeps secrets by name. Names and ends are no secrets and can be seen without opening anything."""

    async def listing(self) -> Mapping[str, datetime | None]:
        """Every name that is kept, with its end. Never asks anybody for anything."""
        ...

    async def read(self, name: str) -> Secret | None:
        """What is kept under the name, None when nothing is."""
        ...

    async def change(self, write: Mapping[str, Item], erase: Collection[str] = ()) -> None:
        """Write some names and erase others, all of it or, when it raises or dies on the way, nothing."""
        ...


class Turns(Protocol):
    """Lets one process of this machine at a time do something."""

    def of(self, what: str) -> AbstractAsyncContextManager[None]:
        """Wait for the turn at `what` and hold it. Whoever holds it and dies has given it up."""
        ...


class MemoryVault:
    """A Vault in a dictionary, and the reference for the others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._items: dict[str, Item] = {}

    async def listing(self) -> Mapping[str, datetime | None]:
        """Every name with its end."""
        return {name: item.until for name, item in self._items.items() if self._lasts(item)}

    async def read(self, name: str) -> Secret | None:
        """What is kept under the name."""
        item = self._items.get(name)
        return item.value if item is not None and self._lasts(item) else None

    async def change(self, write: Mapping[str, Item], erase: Collection[str] = ()) -> None:
        """Write and erase at once."""
        kept = {name: item for name, item in self._items.items() if name not in erase and self._lasts(item)}
        self._items = {**kept, **write}

    def _lasts(self, item: Item) -> bool:
        return item.until is None or item.until > self._clock.now()
