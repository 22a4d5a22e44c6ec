"""Candidates from an index that anybody may fill: what is not what it is filed under is passed over.

Whoever may write rows of a ledger may file any number of them under somebody else's name. So one page is not
all there is, and when more is in the way than is looked at, that is said and nothing is taken for absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from sentinel_server.clock import sortable
from sentinel_server.errors import StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.records.model import SORT, Row, Search
from sentinel_server.records.store import Records

T = TypeVar("T")

LOOKED_AT = 1000
"""Rows of one search that are looked at."""

_PAGE = 100


@frozen
class Candidates(Generic[T]):
    """What was found, newest first; `complete` unless there were more rows than are looked at."""

    found: Sequence[T]
    complete: bool


async def candidates(
    records: Records, searches: Sequence[Search], read: Callable[[Row], T | None], since: datetime
) -> Candidates[T]:
    """What `read` makes of the rows of each search, newest first, down to those from before `since`.

    `read` gives None, or raises StoreUnavailable, for what is passed over. Raises StoreUnavailable.
    """
    parts = await asyncio.gather(*(_searched(records, each, read, since) for each in searches))
    found = tuple(each for part in parts for each in part.found)
    return Candidates(found=found, complete=all(part.complete for part in parts))


async def _searched(
    records: Records, search: Search, read: Callable[[Row], T | None], since: datetime
) -> Candidates[T]:
    found: list[T] = []
    looked, token = 0, None
    while looked < LOOKED_AT:
        page = await records.find(search, _PAGE, token)
        looked += len(page.rows)
        found += [each for each in (_read(row, read) for row in page.rows) if each is not None]
        token = page.next_token
        if token is None or str(page.rows[-1].values[SORT]) < sortable(since):
            return Candidates(found=tuple(found), complete=True)
    return Candidates(found=tuple(found), complete=False)


def _read(row: Row, read: Callable[[Row], T | None]) -> T | None:
    try:
        return read(row)
    except StoreUnavailable:
        return None
