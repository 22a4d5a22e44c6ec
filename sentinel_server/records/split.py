"""Ledgers that are kept in different places, as one store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sentinel_server.errors import BadInput
from sentinel_server.records.model import Change, Found, Ledger, Ref, Row, Search
from sentinel_server.records.rules import checked_changes, checked_refs
from sentinel_server.records.store import Records


class SplitRecords:
    """Records of which each ledger has a store of its own; a commit stays within one of them."""

    def __init__(self, parts: Mapping[Ledger, Records]) -> None:
        self._parts = parts

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows found under `refs`; the stores are asked at the same time."""
        asked = checked_refs(refs)
        asks = [[ref for ref in asked if self._parts[ref.ledger] is part] for part in self._stores()]
        found = await asyncio.gather(
            *(part.get(some) for part, some in zip(self._stores(), asks, strict=True) if some)
        )
        return {ref: row for rows in found for ref, row in rows.items()}

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make all changes at once. Raises BadInput when they are not all of one store."""
        checked_changes(changes)
        parts = {id(part): part for change in changes for part in [self._parts[change.ref.ledger]]}
        if len(parts) > 1:
            raise BadInput("one commit cannot reach ledgers in different places")
        return all([await part.commit(changes) for part in parts.values()])

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """One page of a search."""
        return await self._parts[search.ledger].find(search, limit, token)

    async def close(self) -> None:
        """Close every store."""
        for part in self._stores():
            await part.close()

    def _stores(self) -> Sequence[Records]:
        return tuple({id(part): part for part in self._parts.values()}.values())
