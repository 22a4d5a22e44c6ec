"""`audit`: how long a log takes to verify, whole and tampered with, and to be written by one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Row, row
from sentinel_server.adapters.local.jsonl import JsonlAudit
from sentinel_server.auditlog.chain import Chain, SealKey, file_name, finished
from sentinel_server.auditlog.event import Action, AuditEvent, to_fields
from sentinel_server.auditlog.verify import verify
from sentinel_server.clock import SystemClock, SystemIds
from sentinel_server.secret import Secret

LINES = 100_000
_WRITES = 200
_START = datetime(2026, 3, 1, tzinfo=UTC)
_KEY = SealKey(Secret("0b" * 32))
_WRITER = "a" * 16


def run(rounds: int) -> list[Row]:
    """Verify a log of 100,000 lines, and write durable lines one after another and by short commands."""
    whole = _log()
    lines = whole.splitlines(keepends=True)
    cut = b"".join([*lines[: LINES // 2], *lines[LINES // 2 + 1 :]])
    found: dict[str, list[float]] = {"whole": [], "cut": [], "line": [], "command": []}
    for _ in range(rounds):
        found["whole"].append(_verifying(whole))
        found["cut"].append(_verifying(cut))
        found["line"].append(asyncio.run(_writing()) * 1e3)
        found["command"].append(asyncio.run(_commands()) * 1e3)
    return [
        row("verify 100,000 lines", found["whole"], "s", most=5.0),
        row("verify them, one removed", found["cut"], "s", most=5.0),
        row("a durable line", found["line"], "ms"),
        row("a command's log: open, two lines, close", found["command"], "ms"),
    ]


def an_event(number: int) -> AuditEvent:
    """An event with the fields that a decision has."""
    return AuditEvent(
        action=Action.SERVED,
        at=_START + timedelta(seconds=number),
        person="sso:dana@example.com",
        principal="arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Developer_0123456789abcdef/dana",
        profile="payments-prod",
        mode="server",
        session_id="0123456789abcdef",
        issue_id="fedcba9876543210",
        effect="allow",
        rule="payments",
        rule_index=7,
        policy_name="payments-prod",
        policy_sha256="0" * 64,
        count=number,
    )


def _log() -> bytes:
    line, chain = Chain(writer=_WRITER).opened(_START, (), _KEY)
    lines = [line]
    while chain.seq < LINES - 1:
        line, chain = chain.event(to_fields(an_event(chain.seq)))
        lines.append(line)
        if chain.unsealed == 256 and chain.seq < LINES - 1:
            line, chain = chain.checkpoint(_START, _KEY)
            lines.append(line)
    return b"".join([*lines, chain.checkpoint(_START, _KEY, **finished())[0]])


def _verifying(content: bytes) -> float:
    files: Mapping[str, bytes] = {file_name(_START, _WRITER): content}
    began = time.perf_counter()
    verify(files, {_KEY.id: _KEY})
    return time.perf_counter() - began


async def _writing() -> float:
    with TemporaryDirectory() as directory:
        log = _opened(directory)
        await log.record(an_event(0))
        began = time.perf_counter()
        for number in range(_WRITES):
            await log.record(an_event(number))
        seconds = (time.perf_counter() - began) / _WRITES
        await log.close()
    return seconds


async def _commands() -> float:
    with TemporaryDirectory() as directory:
        began = time.perf_counter()
        for number in range(_WRITES // 10):
            log = _opened(directory)
            await log.record(an_event(number))
            await log.record(an_event(number))
            await log.close()
        return (time.perf_counter() - began) / (_WRITES // 10)


def _opened(directory: str) -> JsonlAudit:
    return JsonlAudit(Path(directory) / "audit", clock=SystemClock(), ids=SystemIds())
