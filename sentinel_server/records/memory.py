"""The reference store of ledgers: what the others are tested against, and what tests of rooms use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sentinel_server.records.model import SORT, Change, Found, Ref, Row, Search
from sentinel_server.records.rules import applied, checked_changes, checked_page, checked_refs, page_of


class MemoryRecords:
    """Records in a dictionary; several users may share one. Every operation happens at one instant.

    Each lets others run first, so that what races in life also races in tests.
    """

    def __init__(self) -> None:
        self._rows: dict[Ref, Row] = {}

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows found under `refs`."""
        await asyncio.sleep(0)
        return self.look(refs)

    def look(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """What `get` would find at this very instant."""
        return {ref: self._rows[ref] for ref in checked_refs(refs) if ref in self._rows}

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make all changes, or none."""
        checked_changes(changes)
        await asyncio.sleep(0)
        new = {change.ref: applied(self._rows.get(change.ref), change) for change in changes}
        made = {ref: row for ref, row in new.items() if row is not None}
        if len(made) < len(new):
            return False
        self._rows |= made
        return True

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """One page of a search."""
        after = checked_page(search, limit, token)
        await asyncio.sleep(0)
        found = [row for row in self._rows.values() if _matches(search, row)]
        found.sort(key=_place, reverse=search.newest_first)
        if after is not None:
            last = (after.created_at, after.key)
            later = [r for r in found if (_place(r) < last if search.newest_first else _place(r) > last)]
            return page_of(search, later, limit)
        return page_of(search, found, limit)

    async def close(self) -> None:
        """Nothing to let go of."""


def _matches(search: Search, row: Row) -> bool:
    at = row.values.get(SORT)
    return (
        row.ref.ledger is search.ledger
        and row.values.get(search.by) == search.value
        and at is not None
        and (search.since is None or str(at) >= search.since)
    )


def _place(row: Row) -> tuple[str, str]:
    return str(row.values[SORT]), row.ref.key
