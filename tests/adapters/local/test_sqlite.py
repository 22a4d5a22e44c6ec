"""The SQLite file: shared by processes, private to its user, and never an empty answer where it fails."""

# ruff: noqa: ASYNC240 (these tests may block)

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sentinel_server.adapters.local.sqlite import SqliteSessions
from sentinel_server.errors import BadInput, SentinelError, StoreUnavailable
from sentinel_server.sessions.model import BlockKey, Scope, block_keys
from sentinel_server.sessions.store import SessionQuery
from tests.fakes.sessions import NOON, a_block, a_revocation, a_session
from tests.fakes.threads import no_more_threads

EVERYONE = BlockKey(scope=Scope.EVERYONE)
POSIX = pytest.mark.skipif(os.name != "posix", reason="permission bits are a POSIX matter")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sentinel" / "sessions.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteSessions]:
    opened = SqliteSessions(path)
    yield opened
    await opened.close()


async def failure(store: SqliteSessions) -> SentinelError:
    """How reading fails; every operation goes the same way."""
    with pytest.raises(StoreUnavailable) as caught:
        await store.standing(a_session().id, (EVERYONE,))
    await store.close()
    return caught.value


OTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from sentinel_server.adapters.local.sqlite import SqliteSessions
from tests.fakes.sessions import a_revocation, a_session

async def serve():
    store = SqliteSessions(Path(sys.argv[1]))
    for line in sys.stdin:
        verb, number = line.split()
        session = a_session(int(number))
        if verb == "create":
            await store.create(session)
        elif verb == "revoke":
            await store.revoke(session.id, a_revocation("the other process"))
        elif verb == "look":
            seen = (await store.standing(session.id, ())).session
            print("none" if seen is None else seen.revocation.by if seen.revocation else "live")
        print("done", flush=True)
    await store.close()

asyncio.run(serve())
"""


class OtherProcess:
    """A second program on the same file, told what to do line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout

    async def do(self, verb: str, number: int) -> list[str]:
        self._stdin.write(f"{verb} {number}\n".encode())
        said: list[str] = []
        while (line := (await self._stdout.readline()).decode().strip()) != "done":
            assert line, "the other process died"
            said.append(line)
        return said

    async def stop(self) -> None:
        self._stdin.close()
        await self._process.wait()


@pytest.fixture
async def other(path: Path) -> AsyncIterator[OtherProcess]:
    root = str(Path(__file__).resolve().parents[3])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", OTHER_PROCESS, str(path)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": root, "PATH": ""},
    )
    running = OtherProcess(process)
    yield running
    await running.stop()


async def test_two_processes_see_each_others_revocations_at_once(
    store: SqliteSessions, other: OtherProcess
) -> None:
    for number in range(1, 21):
        session = a_session(number)
        if number % 2:
            await store.create(session)
            assert await other.do("look", number) == ["live"]
            await other.do("revoke", number)
            seen = (await store.standing(session.id, ())).session
            assert seen is not None
            assert seen.revocation == a_revocation("the other process")
        else:
            await other.do("create", number)
            await store.revoke(session.id, a_revocation("this process"))
            assert await other.do("look", number) == ["this process"]


async def test_many_stores_may_make_the_same_new_file_at_once(path: Path) -> None:
    stores = [SqliteSessions(path) for _ in range(6)]
    await asyncio.gather(*(store.create(a_session(number)) for number, store in enumerate(stores)))
    page = await stores[0].sessions(SessionQuery(), NOON, 10)
    assert len(page.sessions) == 6
    await asyncio.gather(*(store.close() for store in stores))


async def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    first = SqliteSessions(path)
    await first.create(a_session())
    await first.revoke(a_session().id, a_revocation())
    await first.block(a_block(EVERYONE))
    await first.close()
    second = SqliteSessions(path)
    standing = await second.standing(a_session().id, block_keys("x", "y"))
    assert standing.session is not None
    assert (standing.session.revocation, standing.blocks) == (a_revocation(), (a_block(EVERYONE),))
    await second.close()


async def test_its_address_names_the_file(path: Path, store: SqliteSessions) -> None:
    assert store.ref.url == f"sqlite://{path}"
    assert (store.ref.shared, store.ref.table) == (False, None)


async def test_a_write_that_returned_has_been_forced_to_disk(store: SqliteSessions) -> None:
    await store.create(a_session())
    level = await store._file.write(lambda c: c.execute("PRAGMA synchronous").fetchone()[0])
    mode = await store._file.read(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0])
    assert (level, mode) == (2, "wal"), "FULL, so that a loss of power forgets no revocation"


@POSIX
async def test_the_file_and_its_directory_are_for_their_owner_alone(
    path: Path, store: SqliteSessions
) -> None:
    await store.create(a_session())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


@POSIX
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
async def test_a_directory_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(mode)
    error = await failure(SqliteSessions(path))
    assert (str(path.parent) in error.message, "chmod 700" in error.hint) == (True, True)


@POSIX
async def test_a_file_that_others_can_write_is_refused_and_a_readable_one_closed(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    path.chmod(0o644)
    tightened = SqliteSessions(path)
    await tightened.create(a_session())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await tightened.close()
    path.chmod(0o666)
    assert "can be written by others" in (await failure(SqliteSessions(path))).message


@POSIX
@pytest.mark.parametrize("link", ["file", "directory"])
async def test_symbolic_links_are_not_followed(path: Path, tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if link == "directory":
        path.parent.symlink_to(elsewhere)
    else:
        path.parent.mkdir(mode=0o700)
        path.symlink_to(elsewhere / "sessions.db")
    assert "symbolic link" in (await failure(SqliteSessions(path))).message
    assert list(elsewhere.iterdir()) == []


async def test_a_path_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = await failure(SqliteSessions(tmp_path / "file" / "below" / "sessions.db"))
    assert str(tmp_path / "file") in error.message


async def test_a_file_that_is_no_database_is_unavailable_and_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"not a database" * 100)
    path.chmod(0o600)
    error = await failure(SqliteSessions(path))
    assert (str(path) in error.message, "move the file away" in error.hint) == (True, True)
    assert path.read_bytes() == b"not a database" * 100


async def test_a_newer_schema_is_not_touched(path: Path, store: SqliteSessions) -> None:
    await store.create(a_session())
    await store._file.write(lambda connection: connection.execute("PRAGMA user_version = 99"))
    assert "newer sentinel (schema 99" in (await failure(SqliteSessions(path))).message


async def test_a_file_that_was_replaced_is_not_answered_from(path: Path, store: SqliteSessions) -> None:
    """The open handle would never see what is revoked in the new file."""
    await store.create(a_session())
    path.rename(path.with_suffix(".old"))
    with pytest.raises(StoreUnavailable):
        await store.standing(a_session().id, ())
    path.touch(mode=0o600)
    with pytest.raises(StoreUnavailable, match="replaced"):
        await store.standing(a_session().id, ())


async def test_a_row_that_cannot_be_read_is_an_error_and_never_absent(store: SqliteSessions) -> None:
    await store.create(a_session())
    await store._file.write(lambda c: c.execute("UPDATE sessions SET heartbeat_at = 'yesterday'"))
    with pytest.raises(StoreUnavailable, match=a_session().id):
        await store.standing(a_session().id, ())
    page = await store.sessions(SessionQuery(), NOON, 10)
    assert (page.sessions, page.unreadable) == ((), (a_session().id,))
    with pytest.raises(StoreUnavailable, match="is revoked, but"):
        await store.revoke(a_session().id, a_revocation("security"))
    by = await store._file.read(lambda c: c.execute("SELECT revoked_by FROM sessions").fetchone())
    assert by == ("security",)


async def test_a_block_that_cannot_be_read_is_an_error(store: SqliteSessions) -> None:
    await store.block(a_block(EVERYONE))
    await store._file.write(lambda c: c.execute("UPDATE blocks SET at = ''"))
    for reading in (store.standing(None, (EVERYONE,)), store.blocks()):
        with pytest.raises(StoreUnavailable, match="everyone"):
            await reading


async def test_a_writer_that_holds_the_file_hinders_no_reader(path: Path, store: SqliteSessions) -> None:
    await store.create(a_session())
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        assert (await store.standing(a_session().id, ())).session == a_session()
    finally:
        holder.close()


async def test_a_write_waits_for_another_programs_and_then_says_so(path: Path) -> None:
    store = SqliteSessions(path, write_wait=0.05)
    await store.create(a_session())
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable) as caught:
            await store.revoke(a_session().id, a_revocation())
        assert caught.value.hint == "another program holds it; try again"
    finally:
        holder.close()
    revoked = await store.revoke(a_session().id, a_revocation())
    assert revoked.revocation == a_revocation()
    await store.close()


async def test_a_full_disk_is_said_to_be_one_and_nothing_is_written(store: SqliteSessions) -> None:
    await store.create(a_session(1))
    pages = await store._file.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    await store._file._writer.run(lambda c: c.execute(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreUnavailable) as caught:
        await store.create(a_session(2, source_identity="x" * 100_000))
    assert "free some disk space" in caught.value.hint
    assert (await store.standing(a_session(2).id, ())).session is None
    assert (await store.standing(a_session(1).id, ())).session == a_session(1)


async def test_text_that_is_not_unicode_is_the_callers_mistake(store: SqliteSessions) -> None:
    with pytest.raises(BadInput, match="Unicode"):
        await store.create(a_session(user="\udcff"))


async def test_a_closed_store_answers_nobody(store: SqliteSessions) -> None:
    await store.create(a_session())
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.standing(a_session().id, ())


async def test_a_system_without_threads_is_a_store_that_does_not_answer_and_can_be_closed(path: Path) -> None:
    store = SqliteSessions(path)
    with no_more_threads():
        with pytest.raises(StoreUnavailable, match="thread"):
            await store.standing(a_session().id, (EVERYONE,))
        with pytest.raises(StoreUnavailable, match="thread"):
            await store.create(a_session())
    await store.create(a_session())  # nothing of what was refused has been done meanwhile
    assert (await store.standing(a_session().id, (EVERYONE,))).session is not None
    await store.close()
    never = SqliteSessions(path)
    with no_more_threads():
        await never.close()


_LEAVES = """
import asyncio, sys
from pathlib import Path
from sentinel_server.adapters.local.sqlite_file import SqliteFile

async def leave():
    loop, began = asyncio.get_running_loop(), asyncio.Event()

    def slowly(connection):
        loop.call_soon_threadsafe(began.set)
        sys.stdin.readline()
        connection.execute("INSERT INTO t VALUES (1)")

    file = SqliteFile(Path(sys.argv[1]), ("CREATE TABLE t (n)",))
    writing = asyncio.ensure_future(file.write(slowly))
    await began.wait()
    writing.cancel()

asyncio.run(leave())
print("left", flush=True)
"""


async def test_a_write_that_has_begun_is_done_though_the_process_ends(path: Path) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LEAVES, str(path), stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"left\n"
    await process.communicate(b"go on\n")
    assert process.returncode == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT n FROM t").fetchall() == [(1,)]
