"""A child beside our own event loop, in this very process, which is left as it was."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.child import ChildEnd, run_child
from tests.fakes.drives import ENV
from tests.fakes.processes import until

if sys.platform == "win32":
    pytest.skip("POSIX signals", allow_module_level=True)

from cli.child.signals import HANDLED

UNTIL_TOLD = "while ! test -e $0; do sleep 0.01; done"


@pytest.fixture(autouse=True)
def _nothing_changed() -> Iterator[None]:
    """Whatever a test does, handlers and signal mask are the same after it."""
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    assert {number: signal.getsignal(number) for number in HANDLED} == handlers
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """The file that the child waits for."""
    return tmp_path / "told"


async def test_our_loop_goes_on_while_the_child_runs(told: Path) -> None:
    pids: list[int] = []

    def tell(pid: int) -> None:
        pids.append(pid)
        asyncio.get_running_loop().call_later(0.05, told.touch)

    end = await run_child(["sh", "-c", f"{UNTIL_TOLD}; exit 3", str(told)], ENV, on_started=tell)
    assert end == ChildEnd(exit_code=3)
    assert len(pids) == 1


async def test_two_children_one_after_the_other() -> None:
    ends = [await run_child(["sh", "-c", f"exit {code}"], ENV) for code in (1, 2)]
    assert [end.exit_code for end in ends] == [1, 2]


async def test_a_death_by_signal_is_told() -> None:
    end = await run_child(["sh", "-c", "kill -KILL $$"], ENV)
    assert end == ChildEnd(exit_code=137, signal=signal.SIGKILL)


@pytest.mark.parametrize("command", ["no-such-tool", "/", "/etc/passwd"])
async def test_what_cannot_be_run_is_told_and_changes_nothing(command: str) -> None:
    end = await run_child([command], ENV)
    assert end.exit_code in {126, 127}
    assert end.reason.startswith(f"cannot run {command}: ")
    assert end.hint


async def test_a_program_the_system_refuses_changes_nothing(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"\x7fNOPE\0")
    tool.chmod(0o755)
    assert (await run_child([str(tool)], ENV)).exit_code == 126


async def test_signals_to_us_go_to_the_child(tmp_path: Path, told: Path) -> None:
    ready, heard = tmp_path / "ready", tmp_path / "heard"
    shell = f"trap 'echo usr1 >> {heard}' USR1; touch {ready}; {UNTIL_TOLD}"
    running = asyncio.ensure_future(run_child(["sh", "-c", shell, str(told)], ENV))
    await asyncio.to_thread(until, ready.exists, "the child is ready")
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.to_thread(until, heard.exists, "the child heard")
    await asyncio.to_thread(told.touch)
    assert (await running).exit_code == 0
    assert heard.read_text() == "usr1\n"


async def test_cancelling_leaves_the_child_running() -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.ensure_future(run_child(["sleep", "1000"], ENV, on_started=started.set_result))
    pid = await started
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    os.kill(pid, signal.SIGKILL)  # raises if it is gone
    until(lambda: not _exists(pid), "the child is reaped")


async def test_an_ignored_signal_is_not_touched() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        shell = "kill -HUP $$; exit 4"
        assert (await run_child(["sh", "-c", shell], ENV)).exit_code == 4
    finally:
        signal.signal(signal.SIGHUP, before)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
