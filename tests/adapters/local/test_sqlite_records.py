"""The ledgers in the file of the sessions: earlier files, earlier programs, spoiled rows and full disks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sentinel_server.adapters.local.sqlite import SqliteSessions
from sentinel_server.adapters.local.sqlite_file import SqliteFile
from sentinel_server.adapters.local.sqlite_records import SqliteRecords
from sentinel_server.adapters.local.sqlite_rows import session_row
from sentinel_server.adapters.local.sqlite_schema import SCHEMA, SCHEMA_1
from sentinel_server.errors import StoreUnavailable
from sentinel_server.records.model import Change, Ledger, Search
from sentinel_server.sessions.model import STORED
from tests.fakes.ledgers import a_ref, made
from tests.fakes.sessions import a_revocation, a_session
from tests.fakes.sqlite_file import raw

REQUEST, EMERGENCY = a_ref(1), a_ref(1, Ledger.BREAKGLASS)
PENDING = Search(ledger=Ledger.REQUESTS, by="status", value="pending")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sentinel.db"


@pytest.fixture
async def records(path: Path) -> AsyncIterator[SqliteRecords]:
    opened = SqliteRecords(path)
    yield opened
    await opened.close()


async def earlier_file(path: Path) -> SqliteFile:
    """A file as the first version made it, opened by a program of that time, with a session in it."""
    file = SqliteFile(path, (SCHEMA_1,))
    columns = [name for name in STORED if name != "override_id"]
    values = dict(
        zip((*STORED, "revoked_at", "revoked_by", "revoked_reason"), session_row(a_session()), strict=True)
    )
    marks = ", ".join("?" * len(columns))
    await file.write(
        lambda connection: connection.execute(
            f"INSERT INTO sessions ({', '.join(columns)}) VALUES ({marks})",
            [values[name] for name in columns],
        )
    )
    return file


@pytest.mark.parametrize("first", ["sessions", "records"])
async def test_an_earlier_file_is_migrated_by_whichever_opens_it_first(path: Path, first: str) -> None:
    await (await earlier_file(path)).close()
    sessions, records = SqliteSessions(path), SqliteRecords(path)
    if first == "records":
        assert await records.commit([made(REQUEST)])
    found = (await sessions.standing(a_session().id, (), [REQUEST])).session
    assert found == a_session()
    assert await records.commit([made(EMERGENCY)])
    await sessions.create(a_session(2, override_id=REQUEST.key))
    assert (await sessions.standing(a_session(2).id, ())).session == a_session(2, override_id=REQUEST.key)
    await sessions.close()
    await records.close()
    with raw(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(SCHEMA),)


async def test_an_earlier_program_refuses_a_migrated_file_clearly(path: Path, records: SqliteRecords) -> None:
    await records.commit([made(REQUEST)])
    earlier = SqliteFile(path, (SCHEMA_1,))
    with pytest.raises(StoreUnavailable, match=r"newer sentinel \(schema 2, known 1\)") as caught:
        await earlier.read(lambda connection: connection.execute("SELECT id FROM sessions").fetchall())
    assert caught.value.hint == "upgrade Sentinel on this machine"
    await earlier.close()


async def test_an_earlier_program_that_is_at_work_goes_on_while_its_file_is_migrated(path: Path) -> None:
    """A shell that was opened before an upgrade is still revoked after it."""
    earlier = await earlier_file(path)
    await earlier.read(lambda connection: connection.execute("SELECT 1").fetchall())
    sessions = SqliteSessions(path)
    await sessions.revoke(a_session().id, a_revocation())
    (seen,) = await earlier.read(
        lambda connection: connection.execute("SELECT revoked_by FROM sessions").fetchall()
    )
    assert seen == ("security",)
    beat = "UPDATE sessions SET request_count = 9 WHERE id = ?"
    await earlier.write(lambda connection: connection.execute(beat, (a_session().id,)))
    found = (await sessions.standing(a_session().id, ())).session
    assert found == replace(a_session(), request_count=9, revocation=a_revocation())
    await earlier.close()
    await sessions.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", "{"),
        ("body", "[]"),
        ("body", '{"a": 1.5}'),
        ("body", '{"a": null}'),
        ("version", 0),
        ("ledger", "x"),
    ],
)
async def test_a_row_that_cannot_be_read_is_an_error_and_never_absent(
    path: Path, records: SqliteRecords, column: str, value: Any
) -> None:
    await records.commit([made(REQUEST, status="pending")])
    with raw(path) as connection:
        connection.execute(f"UPDATE records SET {column} = ?", (value,))
        if column == "ledger":
            connection.execute("UPDATE records SET ledger = 'requests', version = -1")
    for reading in (
        records.get([REQUEST]),
        records.find(PENDING, 5),
        records.commit([Change(ref=REQUEST, seen=1)]),
    ):
        with pytest.raises(StoreUnavailable, match=REQUEST.key):
            await reading
    sessions = SqliteSessions(path)
    with pytest.raises(StoreUnavailable, match=REQUEST.key):
        await sessions.standing(None, (), [REQUEST])
    await sessions.close()


async def test_a_file_holds_no_line_by_which_a_row_is_found_no_more(
    path: Path, records: SqliteRecords
) -> None:
    await records.commit([made(REQUEST, status="pending", outbox="due")])
    await records.commit([Change(ref=REQUEST, seen=1, set={"status": "denied", "outbox": None})])
    await records.commit([Change(ref=REQUEST, seen=2, set={"created_at": None})])
    with raw(path) as connection:
        assert connection.execute("SELECT * FROM record_values").fetchall() == []


async def test_a_commit_waits_for_another_programs_and_then_says_so(path: Path) -> None:
    records = SqliteRecords(path, write_wait=0.05)
    assert await records.commit([made(REQUEST)])
    with raw(path) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await records.commit([Change(ref=REQUEST, seen=1)])
        assert len(await records.get([REQUEST])) == 1, "whoever only reads is not held up"
    assert await records.commit([Change(ref=REQUEST, seen=1)])
    await records.close()


async def test_a_full_disk_leaves_nothing_of_a_commit(records: SqliteRecords) -> None:
    await records.commit([made(REQUEST)])
    pages = await records._file.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await records._file._writer.run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}"))
    small = Change(ref=REQUEST, seen=1, set={"comment": "x"})
    with pytest.raises(StoreUnavailable, match="full"):
        await records.commit([small, made(EMERGENCY, justification="x" * 100_000)])
    assert {ref: row.version for ref, row in (await records.get([REQUEST, EMERGENCY])).items()} == {
        REQUEST: 1
    }


async def test_sessions_whose_ledgers_are_elsewhere_ask_there(path: Path, tmp_path: Path) -> None:
    elsewhere = SqliteRecords(tmp_path / "other" / "ledgers.db")
    sessions, here = SqliteSessions(path, elsewhere=elsewhere.get), SqliteRecords(path)
    await elsewhere.commit([made(REQUEST, person="there")])
    await here.commit([made(REQUEST, person="here")])
    await sessions.create(a_session())
    seen = await sessions.standing(a_session().id, (), [REQUEST, EMERGENCY])
    assert seen.session == a_session()
    assert [row.values["person"] for row in seen.rows.values()] == ["there"]
    for store in (sessions, here, elsewhere):
        await store.close()
