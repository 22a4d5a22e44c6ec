"""Ledgers as they are when others are in the way: somebody who is always quicker, and permissions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel_server.errors import StoreRefused
from sentinel_server.records.model import Change, Found, Lacking, Ref, Row, Search
from sentinel_server.records.store import Records


class Wrapped:
    """Hands everything on to other records."""

    def __init__(self, inner: Records) -> None:
        self._inner = inner

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows."""
        return await self._inner.get(refs)

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make the changes."""
        return await self._inner.commit(changes)

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """A page."""
        return await self._inner.find(search, limit, token)

    async def close(self) -> None:
        """Nothing: whoever opened them closes them."""


class Hurried(Wrapped):
    """Somebody changes the version of a row just before anybody else writes it, every time."""

    def __init__(self, inner: Records) -> None:
        super().__init__(inner)
        self.lost = 0

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make the changes, after the rival has made theirs."""
        there = await self._inner.get([change.ref for change in changes])
        rival = [Change(ref=row.ref, seen=row.version) for row in there.values()]
        assert await self._inner.commit(rival)
        made = await self._inner.commit(changes)
        self.lost += not made
        return made


class Permitting(Wrapped):
    """Lets nobody name attributes that begin so, not even in a condition, as IAM does."""

    def __init__(self, inner: Records, *forbidden: str) -> None:
        super().__init__(inner)
        self._forbidden = forbidden

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make the changes, or refuse them all."""
        for change in changes:
            asked = change.seen.attributes if isinstance(change.seen, Lacking) else ()
            for name in (*change.set, *asked):
                if name.startswith(self._forbidden):
                    raise StoreRefused(f"AccessDeniedException: {name}")
        return await self._inner.commit(changes)
