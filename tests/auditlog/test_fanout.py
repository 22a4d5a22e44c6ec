"""Several logs as one: the required ones refuse, the others only say that they failed."""

from __future__ import annotations

import asyncio

import pytest

from sentinel_server.auditlog.fanout import Destination, FanOut
from sentinel_server.errors import AuditUnavailable
from tests.fakes.audit import MemoryAudit
from tests.fakes.auditlogs import an_event

FULL = AuditUnavailable("no space left on device")


class Logs:
    """A required and an optional log, and what was said about them."""

    def __init__(self) -> None:
        self.required, self.optional = MemoryAudit(), MemoryAudit()
        self.notes: list[str] = []
        destinations = [
            Destination(name="file", sink=self.required, required=True),
            Destination(name="cloud", sink=self.optional, required=False),
        ]
        self.all = FanOut(destinations, self.notes.append)


@pytest.fixture
def logs() -> Logs:
    return Logs()


async def test_every_destination_gets_every_event(logs: Logs) -> None:
    await logs.all.record(an_event(1), an_event(2))
    assert logs.required.events == logs.optional.events == logs.optional.synced == [an_event(1), an_event(2)]


async def test_whether_it_must_be_durable_is_passed_on(logs: Logs) -> None:
    await logs.all.record(an_event(), durable=False)
    assert logs.required.synced == logs.optional.synced == []


async def test_w21_a_required_log_that_cannot_be_written_refuses(logs: Logs) -> None:
    logs.required.fails = FULL
    with pytest.raises(AuditUnavailable):
        await logs.all.record(an_event())
    assert logs.optional.events == [an_event()]


async def test_another_log_only_says_that_it_failed_once_for_each_failure(logs: Logs) -> None:
    logs.optional.fails = FULL
    await logs.all.record(an_event(1))
    await logs.all.record(an_event(2))
    assert logs.notes == ["audit log cloud failed: no space left on device"]
    logs.optional.fails = None
    await logs.all.record(an_event(3))
    logs.optional.fails = FULL
    await logs.all.record(an_event(4))
    assert len(logs.notes) == 2
    assert len(logs.required.events) == 4


async def test_a_bug_is_not_taken_for_a_failing_log() -> None:
    class Buggy(MemoryAudit):
        async def close(self) -> None:
            raise ZeroDivisionError

    all_logs = FanOut([Destination(name="cloud", sink=Buggy(), required=False)], lambda text: None)
    with pytest.raises(ZeroDivisionError):
        await all_logs.close()


async def test_logs_are_written_at_the_same_time(logs: Logs) -> None:
    logs.required.gate = logs.optional.gate = asyncio.Event()
    recording = asyncio.create_task(logs.all.record(an_event()))
    await logs.required.started.wait()
    await logs.optional.started.wait()
    logs.required.gate.set()
    await recording


async def test_closing_closes_all(logs: Logs) -> None:
    await logs.all.close()
    assert logs.required.closed
    assert logs.optional.closed
