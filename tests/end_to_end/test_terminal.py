"""The console script on a real terminal under a real shell: Ctrl-C, Ctrl-Z and `fg`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator

import pytest

from tests.fakes.deployment import Deployment, Served, deployment
from tests.fakes.processes import sentinel
from tests.fakes.terminal import CTRL_C, CTRL_Z, Terminal, bash

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX terminal")

EXEC = shlex.join(sentinel("exec", "--server", "--profile", "prod", "--"))
DOOR = 'echo "door $AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; exec cat'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home with its sessions in SQLite."""
    with deployment(tmp_path_factory.mktemp("home"), shared=False) as made:
        yield made


@pytest.fixture
def shell(home: Deployment) -> Iterator[Terminal]:
    """An interactive shell at its prompt."""
    with bash(home.env()) as terminal:
        yield terminal


def opened(shell: Terminal) -> Served:
    """Start `exec --server` in the foreground."""
    shell.line(f"{EXEC} sh -c {shlex.quote(DOOR)}")
    session = shell.expect(r"session ([0-9a-f]{16}) serves ")[1]
    told = shell.expect(r"door (http\S+) (\S+)\r")
    return Served(session=session, url=told[1], token=told[2])


def live(home: Deployment) -> list[str]:
    """The ids of sessions that are active."""
    done = home.run("server-sessions", "--status", "active", "--json")
    return [session["id"] for session in done.json["sessions"]]


def test_ctrl_c_ends_the_command_and_the_session(home: Deployment, shell: Terminal) -> None:
    session = opened(shell).session
    assert session in live(home)
    shell.type(CTRL_C)
    shell.expect("rc=130> ")
    assert session not in live(home)


def test_ctrl_z_stops_both_and_fg_takes_them_up_again(home: Deployment, shell: Terminal) -> None:
    door = opened(shell)
    assert door.fetch().status == 200
    for _ in range(2):
        shell.type(CTRL_Z)
        shell.expect("Stopped")
        shell.expect(r"rc=\d+> ")
        shell.line("fg")
        shell.expect(r"exec --server")
        assert door.fetch().status == 200
        shell.line("are you there")
        shell.expect("are you there\r\nare you there")
    shell.type("\x04")
    shell.expect("rc=0> ")
    assert door.session not in live(home)


def test_a_refusal_is_said_on_the_terminal_while_the_command_runs(home: Deployment, shell: Terminal) -> None:
    door = opened(shell)
    home.revoke(door.session)
    assert door.fetch().status == 403
    shell.expect(rf"sentinel: refused: session {door.session} was revoked")
    shell.type("\x04")
    shell.expect("sentinel: the last fetch was refused: ")
    shell.expect("rc=0> ")
