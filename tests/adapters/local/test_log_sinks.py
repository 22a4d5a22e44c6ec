"""Where the log goes on this machine besides its files: syslog, stderr, and the memory of what was sent."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sentinel_server.adapters.local.jsonl import QueuedAudit
from sentinel_server.adapters.local.log_cursor import FileCursor
from sentinel_server.adapters.local.log_reader import LogReader
from sentinel_server.adapters.local.stream_lines import StreamLines
from sentinel_server.adapters.local.syslog import SyslogOutlet, message
from sentinel_server.auditlog.chain import SealKey
from sentinel_server.auditlog.shipping import Batch
from sentinel_server.auditlog.verify import verify
from sentinel_server.clock import SystemIds
from sentinel_server.errors import AuditUnavailable
from tests.fakes.auditlogs import KEY, KEYS, START, a_log, a_name, an_event
from tests.fakes.clock import FakeClock
from tests.fakes.waiting import until

LINES = tuple(a_log().splitlines())
BATCH = Batch(file=a_name(0), lines=LINES, end=0)
HEAD = re.compile(rb"<(\d+)>1 (\S+) (\S+) sentinel (\d+) (\S+) - (.*)", re.DOTALL)


# ---- syslog


@contextmanager
def listening(path: Path, kind: socket.SocketKind) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, kind) as listener:
        listener.bind(str(path))
        listener.settimeout(5)
        if kind is socket.SOCK_STREAM:
            listener.listen()
        yield listener


async def test_every_line_is_one_datagram(tmp_path: Path) -> None:
    with listening(tmp_path / "log", socket.SOCK_DGRAM) as listener:
        outlet = SyslogOutlet(tmp_path / "log", "host.example")
        sending = asyncio.create_task(outlet.send(BATCH))
        got = [await asyncio.to_thread(listener.recv, 65536) for _ in LINES]
        await sending
        outlet.close()
    found = [HEAD.fullmatch(each) for each in got]
    assert [each[6] for each in found if each] == list(LINES)
    assert {each[3] for each in found if each} == {b"host.example"}


async def test_lines_on_a_stream_each_have_an_end(tmp_path: Path) -> None:
    with listening(tmp_path / "log", socket.SOCK_STREAM) as listener:
        outlet = SyslogOutlet(tmp_path / "log", "host")
        await outlet.send(BATCH)
        outlet.close()
        with listener.accept()[0] as accepted:
            got = b"".join(iter(lambda: accepted.recv(65536), b""))
    assert [HEAD.fullmatch(each)[6] for each in got.splitlines()] == list(LINES)  # type: ignore[index]


async def test_a_syslog_that_is_gone_is_said_to_be_and_found_again(tmp_path: Path) -> None:
    outlet = SyslogOutlet(tmp_path / "log", "host")
    with pytest.raises(AuditUnavailable, match="cannot send to syslog at"):
        await outlet.send(BATCH)
    with listening(tmp_path / "log", socket.SOCK_DGRAM):
        await outlet.send(Batch(file=a_name(0), lines=LINES[:1], end=0))
    (tmp_path / "log").unlink()
    with pytest.raises(AuditUnavailable):
        await outlet.send(BATCH)
    with listening(tmp_path / "log", socket.SOCK_DGRAM) as listener:
        await outlet.send(Batch(file=a_name(0), lines=LINES[:1], end=0))
        assert listener.recv(65536).endswith(LINES[0])
    outlet.close()


def test_a_message_has_the_form_of_rfc_5424() -> None:
    refused = b'{"action":"refused","at":"2026-03-01T09:00:00.000000Z"}'
    plain = f"<86>1 2026-03-01T09:00:00.000000Z a-b sentinel {os.getpid()} opened - ".encode()
    assert message(LINES[0], "a b") == plain + LINES[0]
    assert message(refused, "host").startswith(b"<85>1 ")
    assert message(b"junk", "").startswith(b"<86>1 - - sentinel ")


# ---- stderr


def stream(descriptor: int, every: int = 3) -> StreamLines:
    return StreamLines(
        descriptor, load_key=lambda: KEY, clock=FakeClock(time=START), ids=SystemIds(), every=every
    )


async def test_lines_on_a_stream_can_be_verified_as_those_of_a_file_can(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "err", os.O_WRONLY | os.O_CREAT)
    audit = QueuedAudit(stream(descriptor))
    await audit.record(*(an_event(number) for number in range(7)))
    await audit.close()
    os.close(descriptor)
    report = verify({"-": (tmp_path / "err").read_bytes()}, KEYS)
    assert (report.findings, report.files[0].lines, report.files[0].sealed) == ((), 11, 4)


def test_a_stream_nothing_was_written_to_is_left_alone() -> None:
    stream(-1).close()


async def test_a_stream_that_is_closed_refuses_and_begins_anew(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    lines = stream(writer)
    lines.append([{"action": "served"}], durable=True)
    first = os.read(reader, 65536)
    os.close(reader)
    with pytest.raises(AuditUnavailable, match="cannot write the audit log to stderr"):
        lines.append([{"action": "served"}], durable=True)
    os.close(writer)
    assert json.loads(first.splitlines()[0])["action"] == "opened"


def test_a_stream_without_a_key_refuses() -> None:
    def no_key() -> SealKey:
        raise AuditUnavailable("no key")

    lines = StreamLines(1, load_key=no_key, clock=FakeClock(), ids=SystemIds(), every=3)
    with pytest.raises(AuditUnavailable, match="no key"):
        lines.append([{"action": "served"}], durable=True)
    lines.close()


async def test_a_stream_nobody_reads_keeps_nobody_waiting_who_does_not_want_to() -> None:
    reader, writer = os.pipe()
    audit = QueuedAudit(stream(writer), waits=False)
    for number in range(2000):
        await audit.record(an_event(number))
    with pytest.raises(AuditUnavailable, match="too slowly"):
        await audit.close()
    emptied = asyncio.create_task(
        asyncio.to_thread(lambda: list(iter(lambda: os.read(reader, 1 << 20), b"")))
    )
    await until(lambda: not audit.writing)
    os.close(writer)
    assert await emptied
    os.close(reader)


# ---- how far it was sent


def test_what_was_sent_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    FileCursor(tmp_path, "x").save({a_name(0): 7})
    assert FileCursor(tmp_path, "x").load() == {a_name(0): 7}
    assert FileCursor(tmp_path, "y").load() == {}


@pytest.mark.parametrize(
    "text", ["", "junk", "[]", '{"files": []}', '{"files": {"../x": 1}}', '{"files": {"a": -1}}']
)
def test_a_memory_that_is_spoilt_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / ".sent-x").write_text(text)
    assert FileCursor(tmp_path, "x").load() == {}


def test_one_process_at_a_time_may_send_to_a_place(tmp_path: Path) -> None:
    first, second, other = FileCursor(tmp_path, "x"), FileCursor(tmp_path, "x"), FileCursor(tmp_path, "y")
    assert first.claim()
    assert first.claim()
    assert not second.claim()
    assert other.claim()
    first.release()
    assert second.claim()


def test_a_memory_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    cursor = FileCursor(tmp_path / "none", "x")
    assert not cursor.claim()
    with pytest.raises(AuditUnavailable, match="cannot write"):
        cursor.save({})
    (tmp_path / ".sent-x").mkdir()
    with pytest.raises(AuditUnavailable, match="cannot read"):
        FileCursor(tmp_path, "x").load()


# ---- reading


def test_a_large_file_is_read_in_pieces_and_from_anywhere(tmp_path: Path) -> None:
    content = a_log(8000)
    (tmp_path / a_name(0)).write_bytes(content)
    reader = LogReader(tmp_path)
    found = list(reader.lines(a_name(0)))
    assert len(content) > 1 << 20
    assert b"".join(line + b"\n" for line, _ in found) == content
    half = found[len(found) // 2][1]
    assert list(reader.lines(a_name(0), half)) == found[len(found) // 2 + 1 :]
    assert reader.end(a_name(0)) == len(content)


def test_what_is_no_log_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text("mine")
    (tmp_path / a_name(0)).symlink_to("/etc/passwd")
    reader = LogReader(tmp_path)
    assert reader.names() == [a_name(0)]
    with pytest.raises(AuditUnavailable, match="cannot read"):
        list(reader.lines(a_name(0)))
