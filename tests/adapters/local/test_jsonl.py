"""The audit log on a real disk: durable, private, whole lines only, and refusing when it cannot write."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.local.jsonl import JsonlAudit
from sentinel_server.adapters.local.log_directory import HEADS, load_key
from sentinel_server.auditlog.chain import key_file_of
from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.auditlog.findings import Code, Report
from sentinel_server.auditlog.verify import verify
from sentinel_server.clock import SystemIds
from sentinel_server.errors import AuditUnavailable
from tests.fakes.auditlogs import START, an_event
from tests.fakes.clock import FakeClock
from tests.fakes.processes import started

Open = Callable[..., JsonlAudit]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time=START)


@pytest.fixture
async def open_log(directory: Path, clock: FakeClock) -> AsyncIterator[Open]:
    """Opens logs, by default in `directory`; each is closed in the end, whether that works or not."""
    opened: list[JsonlAudit] = []

    def open_(
        *, every: int = 256, fsync: Callable[[int], None] = os.fsync, where: Path = directory
    ) -> JsonlAudit:
        opened.append(JsonlAudit(where, clock=clock, ids=SystemIds(), every=every, fsync=fsync))
        return opened[-1]

    yield open_
    await asyncio.gather(*(log.close() for log in opened), return_exceptions=True)


def verified(directory: Path) -> Report:
    key = load_key(key_file_of(directory))
    contents = {path.name: path.read_bytes() for path in files(directory)}
    return verify(contents, {key.id: key}, whole_directory=True)


def files(directory: Path) -> list[Path]:
    """The log files in the directory, oldest first; nothing when there is none."""
    return sorted(directory.glob("*.jsonl"))


def made(directory: Path, mode: int = 0o700) -> Path:
    """The directory, which somebody else has made before us."""
    directory.mkdir(parents=True)
    directory.chmod(mode)
    return directory


def events_in(directory: Path) -> list[int]:
    lines = [json.loads(line) for path in files(directory) for line in path.read_bytes().splitlines()]
    return [line["count"] for line in lines if line["action"] == "served"]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: the last write that fits is a partial one, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_closed_log_verifies_clean(open_log: Open, directory: Path) -> None:
    log = open_log(every=3)
    await log.record(*(an_event(number) for number in range(7)))
    await log.close()
    report = verified(directory)
    assert report.findings == ()
    assert [(file.lines, file.sealed, file.closed) for file in report.files] == [(11, 4, True)]


async def test_an_event_is_in_the_file_and_synced_when_a_durable_record_returns(
    open_log: Open, directory: Path
) -> None:
    synced: list[int] = []

    def fsync(descriptor: int) -> None:
        os.fsync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    log = open_log(fsync=fsync)
    await log.record(an_event(5))
    assert events_in(directory) == [5]
    assert synced[-1] == files(directory)[0].stat().st_size


async def test_an_event_that_need_not_be_durable_is_not_waited_for(open_log: Open, directory: Path) -> None:
    log = open_log()
    await log.record(an_event(1), durable=False)
    assert files(directory) == []
    await log.record(an_event(2))
    assert events_in(directory) == [1, 2]


async def test_a_log_that_records_nothing_leaves_nothing(open_log: Open, directory: Path) -> None:
    await open_log().close()
    assert files(directory) == []


async def test_a_thousand_events_of_fifty_tasks_are_there_in_order(open_log: Open, directory: Path) -> None:
    syncs: list[int] = []

    def fsync(descriptor: int) -> None:
        syncs.append(descriptor)

    log = open_log(fsync=fsync)

    async def write(task: int) -> None:
        for number in range(20):
            await log.record(an_event(task * 100 + number))

    await asyncio.gather(*(write(task) for task in range(50)))
    await log.close()
    found = events_in(directory)
    assert len(found) == 1000
    for task in range(50):
        assert [each for each in found if each // 100 == task] == [
            task * 100 + number for number in range(20)
        ]
    assert verified(directory).findings == ()
    assert len(syncs) < 500  # those who wait together share one


async def test_files_and_directory_and_key_are_private(open_log: Open, directory: Path) -> None:
    await open_log().record(an_event())
    modes = [path.stat().st_mode & 0o777 for path in (directory, *files(directory), key_file_of(directory))]
    assert modes == [0o700, 0o600, 0o600]


async def test_two_writers_have_two_files_and_the_second_has_seen_the_first(
    open_log: Open, directory: Path
) -> None:
    first, second = open_log(), open_log()
    await first.record(an_event(1))
    await second.record(an_event(2))
    await first.record(an_event(3))
    await first.close()
    await second.close()
    assert verified(directory).findings == ()
    assert len(files(directory)) == 2


async def test_a_file_removed_between_two_others_is_missing(
    open_log: Open, directory: Path, clock: FakeClock
) -> None:
    for number in range(3):
        await open_log().record(an_event(number))
        clock.pass_(timedelta(hours=1))
    files(directory)[1].unlink()
    assert {finding.code for finding in verified(directory).findings} == {Code.MISSING_FILE, Code.NOT_CLOSED}


async def test_only_the_newest_files_are_spoken_of(open_log: Open, directory: Path, clock: FakeClock) -> None:
    for _ in range(HEADS + 2):
        await open_log().record(an_event())
        clock.pass_(timedelta(hours=1))
    opening = json.loads(_last(directory).splitlines()[0])
    assert [head["file"] for head in opening["seen"]] == [path.name for path in files(directory)[1:-1]]


async def test_what_is_no_log_file_is_not_spoken_of(open_log: Open, directory: Path) -> None:
    made(directory)
    (directory / "notes.txt").write_text("mine")
    os.mkfifo(directory / f"20260101T000000000000Z-{'f' * 16}.jsonl")
    (directory / f"20260101T000000000001Z-{'f' * 16}.jsonl").write_bytes(b"junk\n")
    (directory / f"20260101T000000000002Z-{'f' * 16}.jsonl").symlink_to("/etc/passwd")
    await open_log().record(an_event())
    opening = json.loads(_last(directory).splitlines()[0])
    assert opening["seen"] == []


async def test_a_full_disk_refuses_and_leaves_no_half_line(open_log: Open, directory: Path) -> None:
    log = open_log()
    await log.record(an_event(1))
    before = _last(directory)
    with room_for(len(before) + 100):
        with pytest.raises(AuditUnavailable, match="File too large"):
            await log.record(an_event(2))
        assert _last(directory) == before
        with pytest.raises(AuditUnavailable):
            await log.record(an_event(3), durable=False)
    await log.record(an_event(4))
    await log.close()
    assert events_in(directory) == [1, 4]
    assert verified(directory).findings == ()


async def test_events_that_were_taken_before_the_disk_was_full_are_written_when_it_is_not(
    open_log: Open, directory: Path
) -> None:
    log = open_log()
    await log.record(an_event(1))
    with room_for(len(_last(directory)) + 100):
        await log.record(an_event(2), durable=False)
        with pytest.raises(AuditUnavailable):
            await log.record(an_event(3))
    await log.close()
    assert events_in(directory) == [1, 2]


async def test_no_file_is_left_without_room_for_its_first_line(open_log: Open, directory: Path) -> None:
    log = open_log()
    with room_for(100), pytest.raises(AuditUnavailable):
        await log.record(an_event(1))
    assert files(directory) == []
    assert not [name for name in os.listdir(directory) if name.startswith(".begun")]
    await log.record(an_event(2))
    assert events_in(directory) == [2]


async def test_after_a_failed_fsync_another_file_is_begun(open_log: Open, directory: Path) -> None:
    fails = False

    def fsync(descriptor: int) -> None:
        if fails:
            raise OSError(errno.EIO, "input/output error")

    log = open_log(fsync=fsync)
    await log.record(an_event(1))
    fails = True
    with pytest.raises(AuditUnavailable, match="input/output"):
        await log.record(an_event(2))
    fails = False
    await log.record(an_event(3))
    await log.close()
    assert sorted(events_in(directory)) == [1, 3]
    assert [finding.code for finding in verified(directory).findings] == [Code.NOT_CLOSED]


async def test_a_log_whose_file_was_removed_begins_another(open_log: Open, directory: Path) -> None:
    log = open_log()
    await log.record(an_event(1))
    files(directory)[0].unlink()
    await log.record(an_event(2))
    assert events_in(directory) == [2]


async def test_everybody_who_waits_is_refused_and_nobody_waits_for_ever(open_log: Open) -> None:
    def fsync(descriptor: int) -> None:
        raise ZeroDivisionError

    log = open_log(fsync=fsync)
    outcomes = await asyncio.gather(*(log.record(an_event()) for _ in range(5)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {AuditUnavailable}
    assert len({id(outcome) for outcome in outcomes}) == 5


async def test_a_caller_who_gave_up_does_not_stop_the_others(open_log: Open, directory: Path) -> None:
    log = open_log()
    recording = [asyncio.create_task(log.record(an_event(number))) for number in range(3)]
    await asyncio.sleep(0)
    recording[1].cancel()
    await asyncio.gather(recording[0], recording[2])
    assert events_in(directory) == [0, 1, 2]


async def test_an_event_that_cannot_be_written_spoils_no_others(open_log: Open, directory: Path) -> None:
    log = open_log()
    timeless = AuditEvent(action=Action.INTENT, at=datetime(2026, 1, 1))  # noqa: DTZ001
    outcomes = await asyncio.gather(log.record(an_event(1)), log.record(timeless), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), ValueError]
    assert events_in(directory) == [1]


async def test_a_closed_log_refuses(open_log: Open) -> None:
    log = open_log()
    await log.close()
    await log.close()
    with pytest.raises(AuditUnavailable, match="closed"):
        await log.record(an_event())


async def test_a_log_that_cannot_be_sealed_in_the_end_says_so(open_log: Open, directory: Path) -> None:
    log = open_log()
    await log.record(an_event(1))
    with room_for(len(_last(directory))), pytest.raises(AuditUnavailable):
        await log.close()
    assert events_in(directory) == [1]


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
async def test_a_directory_others_may_write_to_is_refused(open_log: Open, directory: Path, mode: int) -> None:
    made(directory, mode)
    with pytest.raises(AuditUnavailable, match="can be written by others") as refused:
        await open_log().record(an_event())
    assert refused.value.hint.startswith("close it: chmod 700")
    assert files(directory) == []


async def test_a_link_to_a_directory_is_refused(open_log: Open, directory: Path, tmp_path: Path) -> None:
    made(directory.parent)
    os.symlink(tmp_path, directory)
    with pytest.raises(AuditUnavailable, match="not a directory of its own"):
        await open_log().record(an_event())


async def test_a_directory_that_cannot_be_made_is_refused(open_log: Open, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuditUnavailable, match="cannot write the audit log in"):
        await open_log(where=tmp_path / "file" / "audit").record(an_event())


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [("short\n", 0o600, "holds no key"), ("0b" * 32, 0o640, "only its owner can read")],
)
async def test_a_key_that_is_no_secret_is_refused(
    open_log: Open, directory: Path, text: str, mode: int, why: str
) -> None:
    key_file = key_file_of(directory)
    key_file.parent.mkdir()
    key_file.write_text(text)
    key_file.chmod(mode)
    with pytest.raises(AuditUnavailable, match=why):
        await open_log().record(an_event())
    assert key_file.read_text() == text


async def test_the_key_is_made_once(open_log: Open, directory: Path) -> None:
    logs = [open_log() for _ in range(4)]
    await asyncio.gather(*(log.record(an_event()) for log in logs))
    assert {finding.code for finding in verified(directory).findings} == {Code.NOT_CLOSED}
    assert [path.name for path in sorted(directory.parent.iterdir())] == ["audit", "audit.key"]


BURST = """
import asyncio, sys
from pathlib import Path
from sentinel_server.adapters.local.jsonl import JsonlAudit
from sentinel_server.clock import SystemClock, SystemIds
from tests.fakes.auditlogs import START, an_event

async def main():
    log = JsonlAudit(Path(sys.argv[1]), clock=SystemClock(), ids=SystemIds(), every=5)
    number = 0
    while True:
        await log.record(an_event(number))
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


@pytest.mark.parametrize("until", [3, 40])
def test_a_writer_killed_in_a_burst_leaves_every_line_it_had_promised(
    directory: Path, tmp_path: Path, until: int
) -> None:
    with started([sys.executable, "-c", BURST, str(directory)], env={}, into=tmp_path / "burst") as writer:
        writer.wait_for(f"^{until}$")
        writer.send(signal.SIGKILL)
        writer.wait()
        promised = [int(line) for line in writer.out().split()]
    report = verified(directory)
    assert {finding.code for finding in report.findings} <= {Code.NOT_CLOSED, Code.UNFINISHED}
    whole = _last(directory).rpartition(b"\n")[0].splitlines()
    written = [json.loads(line)["count"] for line in whole if b'"served"' in line]
    assert written[: len(promised)] == promised
    assert len(written) - len(promised) in (0, 1)


def _last(directory: Path) -> bytes:
    """What the newest log file holds."""
    return files(directory)[-1].read_bytes()
