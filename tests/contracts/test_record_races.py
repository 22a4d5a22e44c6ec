"""What holds of ledgers when several write at once, or one ends in the middle."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sentinel_server.adapters.local.sqlite_records import SqliteRecords
from sentinel_server.records.model import SORT, Change, Lacking, Ledger, Ref, Search
from sentinel_server.records.store import Records
from tests.fakes.committer import PAIR
from tests.fakes.ledgers import a_ref, at, made
from tests.fakes.processes import REPOSITORY
from tests.fakes.session_stores import open_records

MANY = 32


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(request.param, tmp_path) as opened:
        yield opened


async def won(records: Records, *commits: list[Change]) -> list[int]:
    """Which of the commits, begun at the same time, were made."""
    outcomes = await asyncio.gather(*(records.commit(changes) for changes in commits))
    return [number for number, outcome in enumerate(outcomes) if outcome]


async def test_of_many_that_make_a_row_one_does(records: Records) -> None:
    (winner,) = await won(records, *([made(a_ref(), comment=str(n))] for n in range(MANY)))
    assert (await records.get([a_ref()]))[a_ref()].values["comment"] == str(winner)


async def test_of_many_changes_of_one_version_exactly_one_holds(records: Records) -> None:
    await records.commit([made(a_ref())])
    for version in (1, 2):
        changes = [[Change(ref=a_ref(), seen=version, set={"comment": str(n)})] for n in range(MANY)]
        (winner,) = await won(records, *changes)
        row = (await records.get([a_ref()]))[a_ref()]
        assert (row.version, row.values["comment"]) == (version + 1, str(winner))


async def test_of_many_emergencies_that_need_one_lock_one_opens(records: Records) -> None:
    lock = Ref(ledger=Ledger.BREAKGLASS, key="active#alice#prod")

    def opening(number: int) -> list[Change]:
        event = a_ref(number, Ledger.BREAKGLASS)
        return [made(event, status="active"), Change(ref=lock, seen=None, set={"event": event.key})]

    (winner,) = await won(records, *(opening(number) for number in range(MANY)))
    found = await records.find(Search(ledger=Ledger.BREAKGLASS, by="status", value="active"), 10)
    assert [row.ref for row in found.rows] == [a_ref(winner, Ledger.BREAKGLASS)]
    assert (await records.get([lock]))[lock].values["event"] == a_ref(winner).key


async def test_commits_that_cross_each_other_end_and_none_is_lost(records: Records) -> None:
    """Two rows, named in either order, counted up by all until everyone has had their turn."""
    one, other = a_ref(1), a_ref(2)
    await records.commit([made(one, count=0), made(other, count=0)])

    async def count_up(order: list[Ref]) -> None:
        while True:
            rows = await records.get(order)
            counts = {ref: int(rows[ref].values["count"]) + 1 for ref in order}
            if await records.commit(
                [Change(ref=ref, seen=rows[ref].version, set={"count": counts[ref]}) for ref in order]
            ):
                return

    await asyncio.gather(*(count_up([one, other] if n % 2 else [other, one]) for n in range(8)))
    rows = await records.get([one, other])
    assert [(row.version, row.values["count"]) for row in rows.values()] == [(9, 8), (9, 8)]


async def test_of_many_endings_exactly_one_holds(records: Records) -> None:
    await records.commit([made(a_ref())])
    ending = Lacking(("cut_at",))
    changes = [[Change(ref=a_ref(), seen=ending, set={"cut_at": at(1), "by": str(n)})] for n in range(MANY)]
    (winner,) = await won(records, *changes)
    assert (await records.get([a_ref()]))[a_ref()].values["by"] == str(winner)


async def test_commits_of_different_rows_do_not_hinder_each_other(records: Records) -> None:
    assert await won(records, *([made(a_ref(n))] for n in range(MANY))) == list(range(MANY))
    everything = await records.find(Search(ledger=Ledger.REQUESTS, by="person", value="alice"), 100)
    assert len(everything.rows) == MANY


@contextmanager
def committer(path: Path, times: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.fakes.committer", str(path), str(times)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


async def counted(path: Path) -> SqliteRecords:
    """A file with the pair of rows that committers count up."""
    records = SqliteRecords(path)
    assert await records.commit([made(ref, count=0, status="count 0") for ref in PAIR])
    return records


async def test_processes_that_race_lose_no_commit(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sessions.db"
    records = await counted(path)
    with ExitStack() as stack:
        running = [stack.enter_context(committer(path, 15)) for _ in range(3)]
        said = [process.communicate()[0] for process in running]
        assert [process.returncode for process in running] == [0, 0, 0]
    numbers = sorted(int(word) for words in said for word in words.split())
    assert numbers == list(range(1, 46)), "every count was made by exactly one of them"
    rows = await records.get(PAIR)
    assert {(row.version, row.values["count"]) for row in rows.values()} == {(46, 45)}
    await records.close()


async def test_a_process_that_is_killed_leaves_all_of_a_commit_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sessions.db"
    await (await counted(path)).close()
    for round_ in range(1, 4):
        with committer(path, 10**6) as process:
            assert process.stdout is not None
            for _ in range(5 * round_):
                assert process.stdout.readline()
        records = SqliteRecords(path)
        versions = {row.version for row in (await records.get(PAIR)).values()}
        assert len(versions) == 1, "both rows or neither"
        (version,) = versions
        for ledger in Ledger:
            now = Search(ledger=ledger, by="status", value=f"count {version - 1}")
            assert len((await records.find(now, 10)).rows) == 1
            before = Search(ledger=ledger, by="status", value=f"count {version - 2}")
            assert (await records.find(before, 10)).rows == ()
        assert await records.commit([Change(ref=ref, seen=version, set={SORT: at(1)}) for ref in PAIR])
        assert await records.commit(
            [
                Change(
                    ref=ref,
                    seen=version + 1,
                    set={SORT: at(0), "count": version + 1, "status": f"count {version + 1}"},
                )
                for ref in PAIR
            ]
        )
        await records.close()
