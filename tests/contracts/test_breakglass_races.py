"""Emergencies that many open at the same moment, on the stores in which writers truly race."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.local.sqlite_records import SqliteRecords
from sentinel_server.breakglass.deeds import Done
from sentinel_server.breakglass.ending import close
from sentinel_server.breakglass.listing import EventQuery, list_events
from sentinel_server.breakglass.model import EventState
from sentinel_server.breakglass.opening import Call, Rulebook, open_glass
from sentinel_server.errors import BreakGlassLimited, EmergencyOver
from sentinel_server.records.store import HURRY, Records
from tests.fakes.clock import NOON
from tests.fakes.emergencies import (
    ALICE,
    BOB,
    a_call,
    a_desk,
    a_policy,
    an_actor,
    call_of,
    iam_user,
    limited,
    rulebook,
)
from tests.fakes.processes import REPOSITORY
from tests.fakes.rivals import Hurried
from tests.fakes.session_stores import SHARED_BY_PROCESSES, open_records

DAY = timedelta(days=1)


@pytest.fixture(params=SHARED_BY_PROCESSES)
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    async with open_records(request.param, tmp_path) as opened:
        yield opened


async def opened_at_once(records: Records, calls: Sequence[Call], rules: Rulebook) -> list[str]:
    """The ids that calls made at the same time got; the others must have met a limit."""
    desk = a_desk(records)
    done = await asyncio.gather(*(open_glass(desk, each, rules) for each in calls), return_exceptions=True)
    strange = [each for each in done if not isinstance(each, Done | BreakGlassLimited)]
    assert strange == []
    return sorted(each.event.id for each in done if isinstance(each, Done))


async def open_now(records: Records) -> list[str]:
    """The ids of those that the store says are open."""
    listed = await list_events(records, EventQuery(state=EventState.ACTIVE), NOON, 100)
    return sorted(event.id for event in listed.events)


async def test_weakness_10_fifty_parallel_calls_open_exactly_one(records: Records) -> None:
    opened = await opened_at_once(records, [a_call()] * 50, rulebook())
    assert len(opened) == 1
    assert await open_now(records) == opened


async def test_weakness_10_a_profiles_quota_is_exact_under_32_parallel_invokers(records: Records) -> None:
    calls = [call_of(iam_user(f"user{number}")) for number in range(32)]
    opened = await opened_at_once(records, calls, rulebook(limited(max_per_profile=7, quota_window=DAY)))
    assert len(opened) == 7
    assert await open_now(records) == opened


async def test_weakness_10_a_persons_quota_is_exact_over_32_profiles_at_once(records: Records) -> None:
    calls = [call_of(ALICE, f"prod-{number}") for number in range(32)]
    opened = await opened_at_once(records, calls, rulebook(limited(max_per_user=5, quota_window=DAY)))
    assert len(opened) == 5


async def test_closing_at_the_same_moment_has_one_winner_and_honest_errors(records: Records) -> None:
    desk = a_desk(records)
    event = (await open_glass(desk, a_call(), rulebook())).event
    results = await asyncio.gather(
        *(close(desk, event.id, an_actor(each), "over", a_policy()) for each in (ALICE, BOB) * 4),
        return_exceptions=True,
    )
    assert len([each for each in results if isinstance(each, Done)]) == 1
    assert len([each for each in results if isinstance(each, EmergencyOver)]) == 7


async def test_somebody_who_is_always_quicker_keeps_no_closing_from_landing(records: Records) -> None:
    hurried = Hurried(records)
    event = (await open_glass(a_desk(records), a_call(), rulebook())).event
    await close(a_desk(hurried), event.id, an_actor(BOB), "stop that", a_policy())
    assert hurried.lost == HURRY
    assert await open_now(records) == []
    with pytest.raises(EmergencyOver, match="stop that"):
        await close(a_desk(hurried), event.id, an_actor(BOB), "again", a_policy())


@pytest.mark.parametrize(("name", "most", "wanted"), [("alice", 50, 1), ("user", 5, 5)])
def test_weakness_10_calls_of_several_processes_are_limited_together(
    name: str, most: int, wanted: int, tmp_path: Path
) -> None:
    path = tmp_path / "ledgers.db"
    command = [sys.executable, "-m", "tests.fakes.invoker", str(path)]
    names = [name if name == "alice" else f"{name}{number}-" for number in range(4)]
    running = [
        subprocess.Popen([*command, each, "8", str(most)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for each in names
    ]
    printed = [each.communicate(timeout=60)[0] for each in running]
    assert [each.returncode for each in running] == [0] * 4
    opened = sorted("".join(printed).split())
    assert len(opened) == wanted
    assert asyncio.run(open_in(path)) == opened


async def open_in(path: Path) -> list[str]:
    """The ids of those that are open in a file."""
    records = SqliteRecords(path)
    try:
        return await open_now(records)
    finally:
        await records.close()
