"""Ledgers in different places answer as one store, as far as they can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from sentinel_server.errors import BadInput, StoreUnavailable
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Ledger, Ref, Row, Search
from sentinel_server.records.split import SplitRecords
from sentinel_server.records.store import MOST_ROWS
from tests.fakes.ledgers import a_ref, made

REQUEST, EMERGENCY = a_ref(1), a_ref(1, Ledger.BREAKGLASS)


class _Closing(MemoryRecords):
    """Counts how often it is closed, and can fall silent."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0
        self.silent = False

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        if self.silent:
            raise StoreUnavailable("it does not answer")
        return await super().get(refs)

    async def close(self) -> None:
        self.closed += 1


def split() -> tuple[SplitRecords, _Closing, _Closing]:
    """A store for requests, one for emergencies, and both as one."""
    requests, breakglass = _Closing(), _Closing()
    return SplitRecords({Ledger.REQUESTS: requests, Ledger.BREAKGLASS: breakglass}), requests, breakglass


async def test_each_ledger_is_read_and_written_where_it_is() -> None:
    both, requests, breakglass = split()
    assert await both.commit([made(REQUEST, person="ann")])
    assert await both.commit([made(EMERGENCY, person="ben")])
    assert not await both.commit([made(REQUEST)])
    assert await both.commit([])
    found = await both.get([EMERGENCY, REQUEST, a_ref(2)])
    assert found == {**await requests.get([REQUEST]), **await breakglass.get([EMERGENCY])}
    assert len(found) == 2
    by_ben = Search(ledger=Ledger.BREAKGLASS, by="person", value="ben")
    assert [row.ref for row in (await both.find(by_ben, 5)).rows] == [EMERGENCY]


async def test_a_commit_that_would_need_two_places_is_refused() -> None:
    both, *_ = split()
    with pytest.raises(BadInput, match="different places"):
        await both.commit([made(REQUEST), made(EMERGENCY)])
    assert await both.get([REQUEST, EMERGENCY]) == {}
    with pytest.raises(BadInput):
        await both.get([a_ref(number) for number in range(MOST_ROWS + 1)])


async def test_a_place_that_does_not_answer_is_not_taken_as_empty_and_not_asked_in_vain() -> None:
    both, _, breakglass = split()
    await both.commit([made(REQUEST)])
    breakglass.silent = True
    with pytest.raises(StoreUnavailable):
        await both.get([REQUEST, EMERGENCY])
    assert list(await both.get([REQUEST])) == [REQUEST]


async def test_every_place_is_closed_once() -> None:
    both, requests, breakglass = split()
    await both.close()
    assert (requests.closed, breakglass.closed) == (1, 1)
    one = _Closing()
    await SplitRecords(dict.fromkeys(Ledger, one)).close()
    assert one.closed == 1
