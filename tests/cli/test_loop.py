"""Commands end without waiting for names that are still being looked up."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

import cli
from cli.loop import LOOKUPS, CommandLoop, run
from tests.fakes.names import names_that_never_come
from tests.fakes.threads import no_more_threads
from tests.fakes.waiting import until


async def look_up(host: str) -> list[str]:
    """Where it leads."""
    found = await asyncio.get_running_loop().getaddrinfo(host, 80, type=socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})


def test_the_end_waits_for_no_name() -> None:
    async def give_up() -> str:
        looking = [asyncio.ensure_future(look_up("nowhere.example")) for _ in range(LOOKUPS + 1)]
        await until(lambda: names.asked == LOOKUPS)
        for each in looking:
            each.cancel()
        return "done"

    with names_that_never_come() as (runner, names):
        assert runner.run(give_up()) == "done"
        runner.close()
        assert not names.over.is_set()


def test_a_name_leads_where_the_system_says() -> None:
    assert run(look_up("127.0.0.1")) == ["127.0.0.1"]


def test_what_the_system_does_not_know_is_its_own_error() -> None:
    with names_that_never_come() as (runner, names):
        names.over.set()
        with pytest.raises(socket.gaierror, match="Temporary failure"):
            runner.run(look_up("nowhere.example"))


def test_without_a_thread_a_name_is_not_found() -> None:
    with no_more_threads(), pytest.raises(OSError, match="'localhost' cannot be looked up"):
        run(look_up("localhost"))


def test_a_command_runs_in_the_platforms_usual_loop() -> None:
    async def mine() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    usual = asyncio.new_event_loop()
    usual.close()
    loop = run(mine())
    assert isinstance(loop, CommandLoop)
    assert isinstance(loop, type(usual))
    assert loop.is_closed()


def test_every_command_runs_in_it() -> None:
    folder = Path(cli.__file__).parent
    others = {path.name for path in folder.rglob("*.py") if "asyncio.run(" in path.read_text("utf-8")}
    assert others == set()
