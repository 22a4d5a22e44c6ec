"""One chain over many files and many processes: nothing promised is lost, and no file more than is needed."""

from __future__ import annotations

import asyncio
import errno
import json
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.local.jsonl import JsonlAudit
from sentinel_server.adapters.local.log_directory import load_key
from sentinel_server.auditlog.chain import Chain, SealKey, key_file_of, resting
from sentinel_server.auditlog.findings import Code, Report, Severity
from sentinel_server.auditlog.lines import parse
from sentinel_server.auditlog.verify import verify
from sentinel_server.clock import SystemIds
from sentinel_server.errors import AuditUnavailable
from sentinel_server.secret import Secret
from tests.fakes.auditlogs import START, an_event
from tests.fakes.clock import FakeClock
from tests.fakes.processes import REPOSITORY


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time=START)


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.jsonl"))


def verified(directory: Path) -> Report:
    key = load_key(key_file_of(directory))
    contents = {path.name: path.read_bytes() for path in files(directory)}
    return verify(contents, {key.id: key}, whole_directory=True)


def codes(directory: Path) -> list[Code]:
    return [finding.code for finding in verified(directory).findings]


def numbers_in(directory: Path) -> list[int]:
    lines = [json.loads(line) for path in files(directory) for line in path.read_bytes().splitlines()]
    return [line["count"] for line in lines if line["action"] == "served"]


def a_writer(directory: Path, clock: FakeClock, *, limit: int = 10**6) -> JsonlAudit:
    return JsonlAudit(directory, clock=clock, ids=SystemIds(), every=3, limit=limit)


async def a_short_command(directory: Path, clock: FakeClock, number: int, *, limit: int = 10**6) -> None:
    """What a call of `credentials` does: two lines, and it is gone."""
    log = a_writer(directory, clock, limit=limit)
    await log.record(an_event(number))
    await log.record(an_event(number + 1))
    await log.close()


async def test_commands_one_after_another_share_a_file_and_a_chain(directory: Path, clock: FakeClock) -> None:
    for number in range(0, 40, 2):
        await a_short_command(directory, clock, number)
        clock.pass_(timedelta(minutes=1))
    assert len(files(directory)) == 1
    assert numbers_in(directory) == list(range(40))
    assert verified(directory).findings == ()


async def test_commands_at_the_same_time_have_as_many_files_as_there_were_at_once(
    directory: Path, clock: FakeClock
) -> None:
    for _ in range(3):
        await asyncio.gather(*(a_short_command(directory, clock, number) for number in range(0, 8, 2)))
    assert len(files(directory)) <= 4
    assert sorted(numbers_in(directory)) == sorted(list(range(8)) * 3)
    assert verified(directory).findings == ()


async def test_a_new_day_goes_on_in_a_new_file_that_names_the_head_of_the_old_one(
    directory: Path, clock: FakeClock
) -> None:
    await a_short_command(directory, clock, 0)
    clock.pass_(timedelta(days=1))
    await a_short_command(directory, clock, 2)
    old, new = files(directory)
    last, first = parse(old.read_bytes()).lines[-1], parse(new.read_bytes()).lines[0]
    assert (last.final, last.next) == (True, new.name)
    assert first.after == last.head(old.name)
    assert (first.seq, first.prev, first.writer) == (last.seq + 1, last.hash, last.writer)
    assert verified(directory).findings == ()


async def test_a_writer_that_lives_over_midnight_goes_on_in_a_new_file(
    directory: Path, clock: FakeClock
) -> None:
    log = a_writer(directory, clock)
    await log.record(an_event(0))
    clock.pass_(timedelta(hours=20))
    await log.record(an_event(1))
    await log.close()
    assert [path.name[:8] for path in files(directory)] == ["20260301", "20260302"]
    assert numbers_in(directory) == [0, 1]
    assert verified(directory).findings == ()


async def test_a_full_file_is_followed_by_another_though_the_clock_stands_still(
    directory: Path, clock: FakeClock
) -> None:
    log = a_writer(directory, clock, limit=1500)
    for number in range(30):
        await log.record(an_event(number))
    await log.close()
    assert len(files(directory)) > 3
    assert max(path.stat().st_size for path in files(directory)) < 4000
    assert numbers_in(directory) == list(range(30))
    assert verified(directory).findings == ()


async def test_a_file_taken_from_the_middle_or_the_end_of_a_chain_is_missed(
    directory: Path, clock: FakeClock
) -> None:
    log = a_writer(directory, clock, limit=1000)
    for number in range(12):
        await log.record(an_event(number))
    await log.close()
    names = files(directory)
    middle = names[2].read_bytes()
    names[2].unlink()
    assert codes(directory) == [Code.MISSING_FILE]
    names[2].write_bytes(middle)
    names[-1].unlink()
    assert codes(directory) == [Code.NEXT_MISSING]


async def test_w32_a_chain_joined_from_two_of_its_files_lacks_what_was_between(
    directory: Path, clock: FakeClock
) -> None:
    log = a_writer(directory, clock, limit=1000)
    for number in range(12):
        await log.record(an_event(number))
    await log.close()
    first, second, *_ = files(directory)
    half = second.read_bytes().splitlines(keepends=True)[2:]
    first.write_bytes(b"".join(first.read_bytes().splitlines(keepends=True)[:-2] + half))
    assert Code.REMOVED in codes(directory)


async def test_a_file_that_went_on_behind_the_back_of_its_writer_is_left_alone(
    directory: Path, clock: FakeClock
) -> None:
    log = a_writer(directory, clock)
    await log.record(an_event(0))
    (only,) = files(directory)
    with only.open("ab") as file:
        file.write(b"somebody else was here\n")
    await log.record(an_event(1))
    await log.close()
    assert len(files(directory)) == 2
    assert set(codes(directory)) == {Code.NOT_JSON, Code.NOT_CLOSED}


@pytest.mark.parametrize("forged", ["other key", "unsealed", "half"])
async def test_nothing_is_written_after_a_line_that_our_key_does_not_vouch_for(
    directory: Path, clock: FakeClock, forged: str
) -> None:
    await a_short_command(directory, clock, 0)
    (only,) = files(directory)
    last = parse(only.read_bytes()).lines[-1]
    chain = Chain(writer=last.writer, seq=last.seq + 1, head=last.hash)
    rest, _ = chain.checkpoint(START, SealKey(Secret("1c" * 32)), **resting(3))
    added = {"other key": rest, "unsealed": chain.event({"action": "served", "count": 9})[0], "half": b'{"a'}
    with only.open("ab") as file:
        file.write(added[forged])
    before = only.read_bytes()
    await a_short_command(directory, clock, 2)
    assert only.read_bytes() == before
    assert len(files(directory)) == 2


async def test_files_that_others_may_write_to_are_not_gone_on_with(directory: Path, clock: FakeClock) -> None:
    await a_short_command(directory, clock, 0)
    files(directory)[0].chmod(0o622)
    await a_short_command(directory, clock, 2)
    assert len(files(directory)) == 2


@pytest.mark.parametrize("fails", range(2, 9))
async def test_a_disk_that_fails_while_files_change_refuses_and_breaks_nothing(
    directory: Path, clock: FakeClock, fails: int
) -> None:
    calls: list[int] = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == fails:
            raise OSError(errno.EIO, "input/output error")

    log = JsonlAudit(directory, clock=clock, ids=SystemIds(), every=3, limit=900, fsync=fsync)
    kept: list[int] = []
    for number in range(6):
        with suppress(AuditUnavailable):
            await log.record(an_event(number))
            kept.append(number)
    await log.close()
    assert len(kept) == 5
    assert sorted(numbers_in(directory)) == kept
    assert len(files(directory)) >= 2
    assert set(codes(directory)) <= {Code.NOT_CLOSED}


def run_writer(directory: Path, first: int, kill: int) -> tuple[int, list[int]]:
    """A real process that writes five lines into files of about three; how it ended, what it promised."""
    command = [sys.executable, "-m", "tests.fakes.audit_writer", str(directory), str(first), "5", "900"]
    done = subprocess.run(
        [*command, str(kill)],
        cwd=REPOSITORY,
        env={},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize("kill", [number * sign for number in range(1, 10) for sign in (1, -1)])
def test_a_kill_anywhere_while_files_change_loses_nothing_that_was_promised(
    directory: Path, kill: int
) -> None:
    ended, promised = run_writer(directory, 0, kill)
    assert ended == -9
    found = verified(directory)
    assert not [each for each in found.findings if each.code.severity is Severity.TAMPERED]
    ended, more = run_writer(directory, 100, 0)
    assert ended == 0
    assert set(promised) | set(more) <= set(numbers_in(directory))
    assert len(set(numbers_in(directory)) - set(promised)) <= len(more) + 1
    assert set(codes(directory)) <= {Code.NOT_CLOSED}
