"""Signals sent to us reach the child exactly once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.drives import DRIVER, ENV, LISTENER, drive
from tests.fakes.processes import Running, ps

if sys.platform == "win32":
    pytest.skip("POSIX signals", allow_module_level=True)

from cli.child.signals import HANDLED, Arrival, Origin, has_reached

NEVER_OURS = {signal.SIGTTIN, signal.SIGTTOU}
FORWARDED = ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH"]


@pytest.fixture(params=[[], ["--busy-threads"]], ids=["alone", "beside other threads"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """A listening child under the driver, both in one group without a terminal."""
    with drive(tmp_path, *request.param, *LISTENER) as running:
        running.wait_for("^ready$")
        yield running


def heard(run: Running) -> list[str]:
    """Every signal the child got, until one more, SIGTERM, has ended it."""
    run.send(signal.SIGTERM)
    assert run.wait() == 7
    return [line.removeprefix("got SIG") for line in run.out().splitlines() if line.startswith("got")]


@pytest.mark.parametrize("name", FORWARDED)
def test_a_signal_sent_to_us_reaches_the_child_once(run: Running, name: str) -> None:
    run.send(signal.Signals[f"SIG{name}"])
    run.wait_for(f"^got SIG{name}$")
    assert heard(run) == [name, "TERM"]


def test_a_second_signal_of_the_kind_is_passed_on_too(run: Running) -> None:
    for count in (1, 2):
        run.send(signal.SIGINT)
        run.wait_for(rf"(got SIGINT\n){{{count}}}")
    assert heard(run) == ["INT", "INT", "TERM"]


def test_what_only_concerns_us_is_not_passed_on(run: Running) -> None:
    for number in (signal.SIGCHLD, signal.SIGURG, signal.SIGCONT, signal.SIGTTIN, signal.SIGTTOU):
        run.send(number)
    assert heard(run) == ["TERM"]


def test_the_signal_that_we_wake_ourselves_with_leaves_us_listening_when_others_send_it(run: Running) -> None:
    for count in (1, 2, 3):
        run.send(signal.SIGURG)
        run.send(signal.SIGUSR1)
        run.wait_for(rf"(got SIGUSR1\n){{{count}}}")
    assert heard(run) == ["USR1", "USR1", "USR1", "TERM"]


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_signal_before_the_child_is_there_reaches_it_once_it_is(tmp_path: Path, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    with drive(tmp_path, "--signal-while-starting", str(int(number)), "sleep", "1000") as run:
        run.wait_for(f"^ended {128 + number}$")
        assert run.wait() == (-number if name == "INT" else 128 + number)


def test_what_was_ignored_from_the_start_stays_ignored(tmp_path: Path) -> None:
    with drive(tmp_path, "sh", "-c", "exec nohup $0 $*", *DRIVER, *LISTENER) as outer:
        outer.wait_for("^ready$")
        inner = int(outer.wait_for(r"(?s)started \d+.*started (\d+)")[1])
        os.kill(parent_of(inner), signal.SIGHUP)
        os.kill(parent_of(inner), signal.SIGUSR1)
        outer.wait_for("^got SIGUSR1$")
        assert "SIGHUP" not in outer.out()


def parent_of(pid: int) -> int:
    """The parent's id."""
    return int(ps("ppid", pid))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who sent a signal")
def test_a_child_that_signals_its_whole_group_is_not_signalled_again(tmp_path: Path) -> None:
    shell = """trap 'echo got' USR1; trap 'echo end; exit 5' TERM
kill -USR1 0; kill -USR2 $PPID
while :; do sleep 0.01; done"""
    with drive(tmp_path, "sh", "-c", shell, env=ENV) as run:
        run.wait_for("^got$")
        run.send(signal.SIGTERM)
        assert run.wait() == 5
        assert run.out() == "got\nend\n"


def test_when_we_are_killed_the_child_goes_on(tmp_path: Path) -> None:
    with drive(tmp_path, *LISTENER) as run:
        run.wait_for("^ready$")
        child = int(run.wait_for(r"started (\d+)")[1])
        run.send(signal.SIGKILL)
        run.wait()
        os.kill(child, signal.SIGUSR1)
        run.wait_for("^got SIGUSR1$")


ARRIVALS = st.builds(
    Arrival,
    number=st.sampled_from(sorted(HANDLED)),
    origin=st.sampled_from(Origin),
    sender=st.none() | st.just(99),
)


@given(arrival=ARRIVALS, foreground=st.booleans())
def test_a_child_in_another_group_had_nothing_yet(arrival: Arrival, foreground: bool) -> None:
    reached = has_reached(1, arrival, shares_group=False, foreground=foreground)
    assert reached == (arrival.number in NEVER_OURS)


@given(arrival=ARRIVALS, foreground=st.booleans())
def test_what_a_process_sent_to_us_a_child_of_our_group_has_not_had(
    arrival: Arrival, foreground: bool
) -> None:
    sent = replace(arrival, origin=Origin.PROCESS)
    assert has_reached(1, sent, shares_group=True, foreground=foreground) == (sent.number in NEVER_OURS)


@given(foreground=st.booleans())
def test_what_the_terminal_sent_a_child_of_our_group_has_had(foreground: bool) -> None:
    def reached(number: signal.Signals) -> bool:
        arrival = Arrival(number=number, origin=Origin.KERNEL)
        return has_reached(1, arrival, shares_group=True, foreground=foreground)

    assert reached(signal.SIGINT)
    assert reached(signal.SIGTSTP)
    assert not reached(signal.SIGHUP)


@pytest.mark.parametrize("foreground", [True, False])
def test_where_nobody_tells_the_sender_the_foreground_decides(foreground: bool) -> None:
    def reached(number: signal.Signals) -> bool:
        return has_reached(1, Arrival(number=number), shares_group=True, foreground=foreground)

    assert reached(signal.SIGINT) is reached(signal.SIGWINCH) is foreground
    assert not reached(signal.SIGTERM)


def test_a_child_is_not_sent_what_it_sent() -> None:
    own = Arrival(number=signal.SIGTERM, origin=Origin.PROCESS, sender=1)
    assert has_reached(1, own, shares_group=True, foreground=False)
