"""What every store of ledgers promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sentinel_server.errors import BadInput
from sentinel_server.records.model import RETENTION, SORT, Change, Lacking, Ledger, Ref, Row, Search, Value
from sentinel_server.records.store import MAX_PAGE, MOST_CHANGES, MOST_ROWS, Records
from tests.fakes.ledgers import a_ref, at, made
from tests.fakes.session_stores import EVERY_STORE, open_records

OF_ALICE = Search(ledger=Ledger.REQUESTS, by="person", value="alice")


@pytest.fixture(params=EVERY_STORE)
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(request.param, tmp_path) as opened:
        yield opened


async def row(records: Records, ref: Ref) -> Row | None:
    return (await records.get([ref])).get(ref)


async def keys(records: Records, search: Search, limit: int = MAX_PAGE) -> list[int]:
    """The numbers of all rows of a search, page by page."""
    page = await records.find(search, limit)
    found = list(page.rows)
    while page.next_token is not None:
        assert len(page.rows) == limit, "a page with a next one is full"
        page = await records.find(search, limit, page.next_token)
        found += page.rows
    return [int(each.ref.key, 16) for each in found]


async def test_a_row_comes_back_as_it_was_made(records: Records) -> None:
    values: dict[str, Value] = {
        SORT: at(1),
        "person": "Ünïcode 😀 'quoted' \"twice\"",
        "comment": "",
        "lines": "one\ntwo\ttab \\ { } \x00 end",
        "seconds": 3600,
        "below": -1,
        "none": 0,
        "most": 2**63 - 1,
        RETENTION: 1900000000,
    }
    assert await records.commit([Change(ref=a_ref(), seen=None, set=values)])
    assert await row(records, a_ref()) == Row(ref=a_ref(), version=1, values=values)


async def test_what_is_not_there_is_absent_and_not_an_error(records: Records) -> None:
    assert await records.commit([made(a_ref(1))])
    assert list(await records.get([a_ref(1), a_ref(2), a_ref(1)])) == [a_ref(1)]
    assert await records.get([]) == {}


async def test_ledgers_do_not_mix(records: Records) -> None:
    ours, theirs = a_ref(1), a_ref(1, Ledger.BREAKGLASS)
    assert await records.commit([made(ours, person="ann")])
    assert await row(records, theirs) is None
    assert await records.commit([made(theirs, person="ben")])
    found = await records.get([ours, theirs])
    assert {ref.ledger: each.values["person"] for ref, each in found.items()} == {
        Ledger.REQUESTS: "ann",
        Ledger.BREAKGLASS: "ben",
    }
    assert all(ref == each.ref for ref, each in found.items())


async def test_a_change_sets_and_takes_away_only_what_it_names(records: Records) -> None:
    await records.commit([made(a_ref(), status="pending", outbox="due", comment="x")])
    change = Change(ref=a_ref(), seen=1, set={"status": "approved", "outbox": None, "by": "bob"})
    assert await records.commit([change])
    values = {SORT: at(0), "kind": "request", "person": "alice", "comment": "x", "by": "bob"}
    assert await row(records, a_ref()) == Row(ref=a_ref(), version=2, values={**values, "status": "approved"})


async def test_a_change_of_nothing_still_takes_a_version(records: Records) -> None:
    """So a commit can hold on to a row that it only read."""
    assert await records.commit([Change(ref=a_ref(), seen=None)])
    assert await records.commit([Change(ref=a_ref(), seen=1)])
    assert await row(records, a_ref()) == Row(ref=a_ref(), version=2, values={})
    assert await records.commit([])


@pytest.mark.parametrize("seen", [None, 0, 1, 3])
async def test_a_change_decided_on_another_version_writes_nothing(records: Records, seen: int | None) -> None:
    await records.commit([made(a_ref())])
    await records.commit([Change(ref=a_ref(), seen=1, set={"comment": "second"})])
    before = await row(records, a_ref())
    assert not await records.commit([Change(ref=a_ref(), seen=seen, set={"comment": "late"})])
    assert await row(records, a_ref()) == before


@pytest.mark.parametrize("seen", [0, 1])
async def test_a_change_of_a_row_that_is_not_there_writes_nothing(records: Records, seen: int) -> None:
    assert not await records.commit([Change(ref=a_ref(), seen=seen, set={"comment": "x"})])
    assert await row(records, a_ref()) is None


ENDING = Lacking(("revoked_at", "cut_at"))


async def test_an_ending_is_written_whatever_the_version_and_once(records: Records) -> None:
    await records.commit([made(a_ref(), comment="x")])
    for version in range(1, 4):
        await records.commit([Change(ref=a_ref(), seen=version, set={"comment": str(version)})])
    ending = Change(ref=a_ref(), seen=ENDING, set={"cut_at": at(9), "comment": None})
    assert await records.commit([ending])
    ended = await row(records, a_ref())
    values = {SORT: at(0), "kind": "request", "person": "alice", "cut_at": at(9)}
    assert ended == Row(ref=a_ref(), version=5, values=values)
    assert not await records.commit([ending])
    assert not await records.commit([Change(ref=a_ref(), seen=4, set={"comment": "late"})])
    assert await row(records, a_ref()) == ended


async def test_an_ending_of_what_is_not_there_writes_nothing(records: Records) -> None:
    ending = Change(ref=a_ref(1), seen=ENDING, set={"cut_at": at(9)})
    assert not await records.commit([ending, made(a_ref(2))])
    assert await records.get([a_ref(1), a_ref(2)]) == {}


@pytest.mark.parametrize("name", ["version", "id", "a-b", ""])
async def test_an_ending_is_decided_on_attributes_that_a_row_can_have(records: Records, name: str) -> None:
    await records.commit([made(a_ref())])
    with pytest.raises(BadInput):
        await records.commit([Change(ref=a_ref(), seen=Lacking((name,)), set={"cut_at": at(9)})])


async def test_all_of_a_commit_is_written_or_nothing(records: Records) -> None:
    await records.commit([made(a_ref(1))])
    lock = Ref(ledger=Ledger.BREAKGLASS, key="lock#alice#prod")
    fresh = [made(a_ref(2)), made(lock, holder="2")]
    assert not await records.commit([*fresh, made(a_ref(1))])
    assert list(await records.get([a_ref(1), a_ref(2), lock])) == [a_ref(1)]
    assert await records.commit([*fresh, Change(ref=a_ref(1), seen=1, set={"comment": "x"})])
    found = await records.get([a_ref(1), a_ref(2), lock])
    assert {ref: each.version for ref, each in found.items()} == {a_ref(1): 2, a_ref(2): 1, lock: 1}
    assert sorted(await keys(records, OF_ALICE)) == [1, 2]


async def test_a_commit_may_change_as_many_rows_as_it_says_and_a_look_too(records: Records) -> None:
    for first in range(0, MOST_ROWS, MOST_CHANGES):
        assert await records.commit([made(a_ref(first + n)) for n in range(MOST_CHANGES)])
    assert len(await records.get([a_ref(number) for number in range(MOST_ROWS)])) == MOST_ROWS
    with pytest.raises(BadInput):
        await records.get([a_ref(number) for number in range(MOST_ROWS + 1)])
    with pytest.raises(BadInput):
        await records.commit([made(a_ref(number + 200)) for number in range(MOST_CHANGES + 1)])


@pytest.mark.parametrize(
    "values",
    [
        {"person": ""},
        {"outbox": 1},
        {SORT: ""},
        {SORT: 5},
        {"version": 7},
        {"id": "other"},
        {"a-b": "c"},
        {"comment": "\ud800"},
        {"count": 2**63},
    ],
)
async def test_what_no_store_could_keep_is_refused_by_every_store(
    records: Records, values: dict[str, Value]
) -> None:
    with pytest.raises(BadInput):
        await records.commit([made(a_ref(1)), Change(ref=a_ref(2), seen=None, set=values)])
    assert await records.get([a_ref(1), a_ref(2)]) == {}


async def test_a_row_has_a_key_and_is_changed_once(records: Records) -> None:
    nowhere = Ref(ledger=Ledger.REQUESTS, key="")
    for changes in ([made(nowhere)], [made(a_ref(1)), made(a_ref(1), comment="x")]):
        with pytest.raises(BadInput):
            await records.commit(changes)
    with pytest.raises(BadInput):
        await records.get([nowhere])


async def test_a_search_finds_what_has_the_value_and_a_time_in_order(records: Records) -> None:
    await records.commit(
        [
            made(a_ref(1), 3),
            made(a_ref(2), 1, status="pending"),
            made(a_ref(3), 2, person="bob"),
            made(a_ref(4), 2, status="pending"),
            made(a_ref(5, Ledger.BREAKGLASS), 2),
            Change(ref=a_ref(6), seen=None, set={"person": "alice"}),
        ]
    )
    assert await keys(records, OF_ALICE) == [1, 4, 2]
    oldest = Search(ledger=Ledger.REQUESTS, by="person", value="alice", newest_first=False)
    assert await keys(records, oldest) == [2, 4, 1]
    since = Search(ledger=Ledger.REQUESTS, by="person", value="alice", since=at(2), newest_first=False)
    assert await keys(records, since) == [4, 1]
    assert await keys(records, Search(ledger=Ledger.REQUESTS, by="status", value="pending")) == [4, 2]
    assert await keys(records, Search(ledger=Ledger.REQUESTS, by="status", value="Pending")) == []
    assert await keys(records, Search(ledger=Ledger.BREAKGLASS, by="person", value="alice")) == [5]


async def test_a_search_gives_the_whole_row(records: Records) -> None:
    change = made(a_ref(), 1, comment="x", seconds=5)
    await records.commit([change])
    (found,) = (await records.find(OF_ALICE, 10)).rows
    assert found == await row(records, a_ref())


async def test_a_row_leaves_and_enters_searches_as_its_attributes_change(records: Records) -> None:
    due = Search(ledger=Ledger.REQUESTS, by="outbox", value="due")
    await records.commit([made(a_ref(1), 1, outbox="due"), made(a_ref(2), 2)])
    assert await keys(records, due) == [1]
    await records.commit([Change(ref=a_ref(1), seen=1, set={"outbox": None})])
    await records.commit([Change(ref=a_ref(2), seen=1, set={"outbox": "due", SORT: at(9)})])
    assert await keys(records, due) == [2]
    assert await keys(records, OF_ALICE) == [2, 1]


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
async def test_pages_hold_every_row_once_those_of_one_instant_too(
    records: Records, newest: bool, size: int
) -> None:
    await records.commit([made(a_ref(number), number // 3) for number in range(1, 8)])
    search = Search(ledger=Ledger.REQUESTS, by="person", value="alice", newest_first=newest)
    found = await keys(records, search, size)
    assert sorted(found) == list(range(1, 8))
    instants = [number // 3 for number in found]
    assert instants == sorted(instants, reverse=newest)


async def test_a_next_page_goes_on_where_the_last_one_ended_though_rows_came_and_went(
    records: Records,
) -> None:
    await records.commit([made(a_ref(number), number, status="pending") for number in range(1, 6)])
    pending = Search(ledger=Ledger.REQUESTS, by="status", value="pending")
    first = await records.find(pending, 2)
    assert [each.ref for each in first.rows] == [a_ref(5), a_ref(4)]
    await records.commit(
        [Change(ref=a_ref(4), seen=1, set={"status": "denied"}), made(a_ref(9), 9, status="pending")]
    )
    second = await records.find(pending, 2, first.next_token)
    assert [each.ref for each in second.rows] == [a_ref(3), a_ref(2)]


async def test_a_token_counts_for_its_search_alone(records: Records) -> None:
    await records.commit([made(a_ref(1)), made(a_ref(2))])
    token = (await records.find(OF_ALICE, 1)).next_token
    assert token is not None
    others = (
        Search(ledger=Ledger.BREAKGLASS, by="person", value="alice"),
        Search(ledger=Ledger.REQUESTS, by="person", value="bob"),
        Search(ledger=Ledger.REQUESTS, by="status", value="alice"),
        Search(ledger=Ledger.REQUESTS, by="person", value="alice", newest_first=False),
        Search(ledger=Ledger.REQUESTS, by="person", value="alice", since=at(0)),
    )
    for search in others:
        with pytest.raises(BadInput, match="another query"):
            await records.find(search, 1, token)
    for bad in ("nonsense", "ÿ", "", token[:-2], "e30", "W10"):
        with pytest.raises(BadInput):
            await records.find(OF_ALICE, 1, bad)


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1])
async def test_a_page_has_a_size(records: Records, limit: int) -> None:
    with pytest.raises(BadInput):
        await records.find(OF_ALICE, limit)


@pytest.mark.parametrize(("by", "value"), [("comment", "x"), ("review", "x"), ("id", "x"), ("person", "")])
async def test_a_search_goes_by_what_there_is_an_index_for(records: Records, by: str, value: str) -> None:
    with pytest.raises(BadInput):
        await records.find(Search(ledger=Ledger.REQUESTS, by=by, value=value), 10)
