"""Turns among real processes: one at a time, and none is lost with a process that was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from sentinel_server.adapters.local.turns import FileTurns
from sentinel_server.errors import KeyringUnavailable
from tests.fakes.processes import REPOSITORY, Running, started

HOLDING = """
import asyncio, sys
from pathlib import Path
from sentinel_server.adapters.local.turns import FileTurns

async def main():
    async with FileTurns(Path(sys.argv[1])).of("it"):
        print("holding", flush=True)
        sys.stdin.readline()
        print("giving up", flush=True)

asyncio.run(main())
"""


def holder(stack: ExitStack, directory: Path, name: str) -> Running:
    argv = [sys.executable, "-c", HOLDING, str(directory / "turns")]
    env = {"PYTHONPATH": str(REPOSITORY)}
    return stack.enter_context(started(argv, env=env, into=directory / name, talk=True))


async def waits(directory: Path) -> asyncio.Task[None]:
    """Somebody in this process who waits for the turn, and has been told so."""
    told = asyncio.Event()

    async def take() -> None:
        async with FileTurns(directory / "turns", told.set).of("it"):
            pass

    task = asyncio.create_task(take())
    await told.wait()
    return task


def test_a_turn_is_waited_for_and_had_when_its_holder_gives_it_up(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        waiting = await waits(tmp_path)
        assert not waiting.done()
        running.say("thanks")
        await waiting

    with ExitStack() as stack:
        running = holder(stack, tmp_path, "one")
        running.wait_for("holding")
        asyncio.run(scene(running))


def test_a_holder_that_is_killed_has_given_up_its_turn(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        waiting = await waits(tmp_path)
        running.send(signal.SIGKILL)
        await waiting

    with ExitStack() as stack:
        running = holder(stack, tmp_path, "one")
        running.wait_for("holding")
        asyncio.run(scene(running))


def test_who_waits_can_be_told_to_stop(tmp_path: Path) -> None:
    async def scene() -> None:
        waiting = await waits(tmp_path)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    with ExitStack() as stack:
        holder(stack, tmp_path, "one").wait_for("holding")
        asyncio.run(scene())


async def test_turns_at_different_things_do_not_wait_for_each_other(tmp_path: Path) -> None:
    turns = FileTurns(tmp_path / "turns")
    async with turns.of("one"), turns.of("other"):
        files = sorted((tmp_path / "turns").iterdir())
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in files] == [0o600, 0o600]
    assert stat.S_IMODE(os.stat(tmp_path / "turns").st_mode) == 0o700


async def test_a_turn_in_a_place_that_others_can_see_is_refused(tmp_path: Path) -> None:
    (tmp_path / "turns").mkdir(mode=0o755)
    with pytest.raises(KeyringUnavailable, match="is open to others"):
        async with FileTurns(tmp_path / "turns").of("it"):
            pass
