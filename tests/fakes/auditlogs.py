"""Audit log files as a writer makes them, in memory, for tests that then do something to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sentinel_server.auditlog.chain import Chain, Head, SealKey, file_name, finished
from sentinel_server.auditlog.event import Action, AuditEvent, to_fields
from sentinel_server.auditlog.lines import parse
from sentinel_server.secret import Secret

KEY = SealKey(Secret("0b" * 32))
"""The key that the files are sealed with."""
KEYS = {KEY.id: KEY}
"""What a verifier on the same machine has."""
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
"""When the first file was opened."""


def an_event(number: int = 0, *, reason: str | None = None, start: datetime = START) -> AuditEvent:
    """An event that differs from others by its number."""
    return AuditEvent(
        action=Action.SERVED,
        at=start + timedelta(seconds=number),
        person="u.alice",
        profile="prod",
        count=number,
        reason=reason,
    )


def a_log(
    events: int = 8,
    *,
    writer: str = "a" * 16,
    every: int = 3,
    closed: bool = True,
    seen: tuple[Head, ...] = (),
    key: SealKey = KEY,
    start: datetime = START,
) -> bytes:
    """A file of events with a checkpoint after every third, as one writer leaves it."""
    line, chain = Chain(writer=writer).opened(start, seen, key, every=every)
    lines = [line]
    for number in range(events):
        line, chain = chain.event(to_fields(an_event(number, start=start)))
        lines.append(line)
        if chain.unsealed == every:
            line, chain = chain.checkpoint(start, key)
            lines.append(line)
    if closed:
        lines.append(chain.checkpoint(start, key, **finished())[0])
    return b"".join(lines)


def a_name(hour: int, writer: str = "a" * 16) -> str:
    """The name of a file opened so many hours after the first."""
    return file_name(START + timedelta(hours=hour), writer)


def head_of(name: str, content: bytes) -> Head:
    """What a writer that opens a file now would note about this one."""
    last = parse(content).lines[-1]
    return Head(file=name, seq=last.seq, hash=last.hash)
