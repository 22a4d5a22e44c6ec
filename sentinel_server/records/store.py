"""The ledgers as a port. Memory, SQLite and DynamoDB keep one set of promises, held by one suite.

A store that cannot answer, or answers only in part, raises StoreUnavailable: nothing is ever taken as absent
because it could not be read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from sentinel_server.records.model import Change, Found, Ref, Row, Search

MOST_CHANGES = 25
"""Rows that one commit may change."""

MOST_ROWS = 100
"""Rows that one `get` may ask for."""

HURRY = 3
"""Times that others may be quicker before an ending is decided on what the row lacks, and no longer on its
version: until then two who act at once get one answer each, and nobody can hold it up for long.
"""

MAX_PAGE = 1000
"""Rows that one page may hold."""


ReadRows = Callable[[Sequence[Ref]], Awaitable[Mapping[Ref, Row]]]
"""`Records.get`, for whoever only reads."""


class Records(Protocol):
    """Keeps rows. What was committed is never lost, and is seen by every `get` that begins afterwards."""

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows found under `refs`, in one strongly consistent look.

        No row is older than this call. While others commit, one row of a commit may already be seen and
        another not yet; who needs both as they were together names both in a commit of their own. Raises
        BadInput for more than MOST_ROWS.
        """
        ...

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make all changes at once, each of another row; False, and nothing is written, when one of them
        was decided on what is no longer so.

        A commit that raises StoreUnavailable may have been written; the versions tell. StoreRefused is raised
        where the caller may not write that, and then nothing was. Raises BadInput for changes that
        `rules.checked_changes` refuses.
        """
        ...

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """One page of at most `limit` rows, from 1 to MAX_PAGE. It may lag behind `commit` by moments, so
        what is decided on is read again by `get`.

        Rows of one instant come in no order of their own. A page with a `next_token` is full. Raises BadInput
        for a token of another search, and for a search by what is not INDEXED.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and files; the store is not used afterwards."""
        ...
