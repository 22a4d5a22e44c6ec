"""The ledgers as a port. Memory, SQLite and DynamoDB keep one set of promises, held by one suite.

A store that cannot answer, or answers only in part, raises StoreUnavailable: nothing is ever taken as absent
because it could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sentinel_server.records.model import Change, Found, Ref, Row, Search

MOST_CHANGES = 25
"""Rows that one commit may change."""


class Records(Protocol):
    """Keeps rows. What was committed is never lost, and is seen by every `get` that begins afterwards."""

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows found under `refs`, in one strongly consistent look. At most 100 are asked for."""
        ...

    async def commit(self, changes: Sequence[Change]) -> bool:
        """Make all changes at once, each of another row; False, and nothing is written, when one of them
        was decided on a version that is no longer there.

        A commit that raises StoreUnavailable may have been written; the versions tell.
        """
        ...

    async def find(self, search: Search, limit: int, token: str | None = None) -> Found:
        """One page of at most `limit` rows, from 1 to 1000. It may lag behind `commit` by moments.

        Raises BadInput for a token of another search.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and files; the store is not used afterwards."""
        ...
