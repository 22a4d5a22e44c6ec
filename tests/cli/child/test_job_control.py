"""On a real terminal under a real shell: Ctrl-C, Ctrl-Z, `fg`, `bg`, window sizes and a closed window."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.fakes.drives import DRIVER, ENV, LISTENER
from tests.fakes.processes import is_stopped, ps, until
from tests.fakes.terminal import CTRL_BACKSLASH, CTRL_C, CTRL_Z, Terminal, bash, on_a_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX terminal")

DRIVE = " ".join(DRIVER)
SHELL = f"{DRIVE} bash --norc --noprofile --noediting -i"


@pytest.fixture
def shell() -> Iterator[Terminal]:
    """An interactive shell at its prompt."""
    with bash(ENV) as terminal:
        yield terminal


def listening(shell: Terminal, *options: str) -> tuple[int, int]:
    """Start the listener in the foreground: the process ids of it and of the driver."""
    shell.line(" ".join([*DRIVER, *options, *LISTENER]))
    child = int(shell.expect(r"(?s)(?=.*started (\d+)\r).*ready\r")[1])
    return child, int(ps("ppid", child))


def heard(shell: Terminal, driver: int, since: int) -> list[str]:
    """What the child got since then, after all before was dealt with and a SIGTERM has ended it."""
    os.kill(driver, signal.SIGTERM)
    shell.expect("rc=7> ")
    return re.findall(r"got SIG(\w+)", shell.shown[since:])


def test_ctrl_c_reaches_the_child_once_and_its_exit_code_is_ours(shell: Terminal) -> None:
    _, driver = listening(shell)
    shell.type(CTRL_C)
    shell.expect("got SIGINT")
    assert heard(shell, driver, 0) == ["INT", "TERM"]


def test_ctrl_c_ends_a_child_that_does_not_mind(shell: Terminal) -> None:
    shell.line(f"{DRIVE} sleep 1000")
    shell.expect("started")
    shell.type(CTRL_C)
    shell.expect("ended 130")
    shell.expect("rc=130> ")


def test_ctrl_c_leaves_a_loop_of_the_shell(shell: Terminal) -> None:
    shell.line(f"for i in 1 2 3; do {DRIVE} sleep 1000; done")
    shell.expect("started")
    shell.type(CTRL_C)
    shell.expect("rc=130> ")
    assert shell.shown.count("started") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who sent a signal")
@pytest.mark.parametrize("options", [[], ["--polite-threads"]])
def test_an_interrupt_sent_to_us_alone_is_passed_on_even_in_the_foreground(
    shell: Terminal, options: list[str]
) -> None:
    _, driver = listening(shell, *options)
    os.kill(driver, signal.SIGINT)
    shell.expect("got SIGINT")
    assert heard(shell, driver, 0) == ["INT", "TERM"]


def test_quit_and_window_sizes_come_from_the_terminal_once(shell: Terminal) -> None:
    _, driver = listening(shell)
    shell.type(CTRL_BACKSLASH)
    shell.expect("got SIGQUIT")
    shell.resize(50, 132)
    shell.expect("got SIGWINCH")
    assert heard(shell, driver, 0) == ["QUIT", "WINCH", "TERM"]


def test_ctrl_z_gives_the_shell_its_terminal_and_fg_takes_up_the_child(shell: Terminal) -> None:
    _, driver = listening(shell)
    shell.type(CTRL_Z)
    shell.expect(r"Stopped")
    shell.expect(r"rc=\d+> ")
    shell.line("fg")
    shell.expect("got SIGCONT")
    since = len(shell.shown)
    shell.type(CTRL_C)
    shell.expect("got SIGINT")
    assert [name for name in heard(shell, driver, since) if name != "CONT"] == ["INT", "TERM"]


def test_ctrl_z_and_fg_work_again_and_again(shell: Terminal) -> None:
    _, driver = listening(shell)
    for _ in range(5):
        shell.type(CTRL_Z)
        shell.expect(r"Stopped")
        shell.expect(r"rc=\d+> ")
        shell.line("fg")
        shell.expect("got SIGCONT")
    os.kill(driver, signal.SIGTERM)
    shell.expect("rc=7> ")


def test_a_stopped_job_goes_on_in_the_background(shell: Terminal) -> None:
    _, driver = listening(shell)
    shell.type(CTRL_Z)
    shell.expect(r"rc=\d+> ")
    shell.line("bg")
    shell.expect("got SIGCONT")
    os.kill(driver, signal.SIGUSR1)
    shell.expect("got SIGUSR1")
    shell.line("wait %1; echo waited $?")
    os.kill(driver, signal.SIGTERM)
    shell.expect("waited 7")


def test_a_child_stopped_alone_stops_us_so_that_the_shell_sees_it(shell: Terminal) -> None:
    child, driver = listening(shell)
    os.kill(child, signal.SIGSTOP)
    shell.expect("Stopped")
    shell.expect(r"rc=\d+> ")
    shell.line("fg")
    shell.expect("got SIGCONT")
    os.kill(driver, signal.SIGTERM)
    shell.expect("rc=7> ")


def test_a_stop_sent_to_us_alone_stops_the_child_first(shell: Terminal) -> None:
    child, driver = listening(shell)
    os.kill(driver, signal.SIGTSTP)
    shell.expect("Stopped")
    assert is_stopped(child)
    shell.line("fg")
    shell.expect("got SIGCONT")
    os.kill(driver, signal.SIGTERM)
    shell.expect("rc=7> ")


def test_reading_the_terminal_in_the_background_stops_the_job(shell: Terminal) -> None:
    shell.line(f"{DRIVE} sh -c 'read line; echo read $line; exit 6' &")
    driver = int(shell.expect(r"\[1\] (\d+)")[1])
    until(lambda: is_stopped(driver), "the driver stops")
    shell.line("jobs")
    shell.expect("Stopped")
    shell.expect("rc=0> ")
    shell.line("fg")
    shell.line("words")
    shell.expect("read words")
    shell.expect("rc=6> ")


def test_an_interactive_shell_inside_has_the_terminal_and_its_own_jobs(shell: Terminal) -> None:
    shell.line(f"PS1='inner> ' {SHELL}")
    shell.expect("\ninner> ")
    shell.line("sh -c 'echo as''leep; exec sleep 1000'")
    shell.expect("asleep")
    shell.type(CTRL_C)
    shell.expect("inner> ")
    shell.line("suspend")
    shell.expect("Stopped")
    shell.expect(r"rc=\d+> ")
    shell.line("fg")
    shell.expect("inner> ")
    shell.line("exit 9")
    shell.expect("rc=9> ")


def test_closing_the_window_ends_the_child_by_hangup() -> None:
    with on_a_terminal([*DRIVER, "sleep", "1000"], ENV) as terminal:
        terminal.expect("started")
        terminal.hang_up()
        assert terminal.process.wait(20) == 129


def test_without_a_job_control_shell_a_stopped_child_does_not_stop_us() -> None:
    with on_a_terminal([*DRIVER, *LISTENER], ENV) as terminal:
        child = int(terminal.expect(r"(?s)(?=.*started (\d+)\r).*ready\r")[1])
        os.kill(child, signal.SIGSTOP)
        until(lambda: is_stopped(child), "the child stops")
        os.kill(terminal.process.pid, signal.SIGUSR1)
        os.kill(child, signal.SIGCONT)
        terminal.expect("got SIGUSR1")
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.process.wait(20) == 7
