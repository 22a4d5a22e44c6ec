"""The function in a shell that it started: it switches, and leaves nothing behind. On real terminals."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.shells.quoting import SHELLS
from cli.shells.scripts import Wanted, script
from tests.fakes.shells import program_of, shell_environment
from tests.fakes.terminal import Terminal, on_a_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")

DOOR = """\
#!/bin/sh
[ "$1" = exec ] || exit
shift
[ -z "$AWS_SENTINEL" ] || { echo "nested $AWS_SENTINEL"; exit 2; }
[ "$1" != --server ] || { SERVED=y; shift; }
[ "$1" != --profile ] || shift
export AWS_SENTINEL="${1:-picked}${SERVED:+ served}"
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- "$INNER" -i
exec "$@"
"""
"""Stands for sentinel: a door that opens for whoever is not inside already."""

PROMPTS = {
    "bash": "PS1='<$AWS_SENTINEL in ${PWD##*/} rc=$?> '\n",
    "zsh": "setopt prompt_subst\nPS1='<$AWS_SENTINEL in ${PWD##*/} rc=$?> '\n",
    "fish": "function fish_prompt; set -l left $status; "
    'echo -n "<$AWS_SENTINEL in "(basename $PWD)" rc=$left> "; end\nfunction fish_greeting; end\n',
}
FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}


@contextmanager
def at_a_prompt(shell: str, home: Path) -> Iterator[Terminal]:
    """The shell with our line in its start-up file, at its prompt in its home, with nothing in `tmp`."""
    door = home / "bin" / "sentinel"
    door.parent.mkdir()
    door.write_text(DOOR)
    door.chmod(0o700)
    for name in ("tmp", "a place"):
        (home / name).mkdir()
    rc = home / FILES[shell]
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text(PROMPTS[shell] + script(Wanted(shell=shell, program=str(door), server=True)))
    env = shell_environment(home, INNER=program_of(shell), TMPDIR=str(home / "tmp"), TERM="vt100")
    env["AWS_CONFIG_FILE"] = "/the/config above"
    change = "builtin cd" if shell != "fish" else "cd"
    with on_a_terminal([program_of(shell), "-i"], env) as terminal:
        terminal.line(f"{change} {home}")
        terminal.expect(rf"< in {home.name} rc=0> ")
        yield terminal


@pytest.mark.parametrize("shell", SHELLS)
def test_inside_it_switches_and_stays_in_the_directory(shell: str, tmp_path: Path) -> None:
    with at_a_prompt(shell, tmp_path) as terminal:
        terminal.line("sx dev")
        terminal.expect(rf"<dev in {tmp_path.name} rc=0> ")
        terminal.line('echo "told $_SENTINEL_CONFIG$_SENTINEL_CREDENTIALS."')
        terminal.expect(r"told /the/config above\.")
        terminal.expect("rc=0> ")
        terminal.line("cd 'a place'")
        terminal.expect(r"<dev in a place rc=0> ")
        terminal.line("sxs 'my prod'")
        terminal.expect(r"<my prod served in a place rc=0> ")
        terminal.line("sx")
        terminal.expect(r"<picked in a place rc=0> ")
        terminal.line("exit")
        terminal.expect(rf"< in {tmp_path.name} rc=0> ")
        assert [path for path in (tmp_path / "tmp").iterdir() if path.is_file()] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_inside_a_command_for_another_profile_is_refused(shell: str, tmp_path: Path) -> None:
    with at_a_prompt(shell, tmp_path) as terminal:
        terminal.line("sx dev")
        terminal.expect(rf"<dev in {tmp_path.name} rc=0> ")
        terminal.line("sx prod echo hello")
        terminal.expect("nested dev")
        terminal.expect(rf"<dev in {tmp_path.name} rc=2> ")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_further_in_is_not_ended(shell: str, tmp_path: Path) -> None:
    """As in a terminal multiplexer that was started in there: nobody waits for its switching."""
    with at_a_prompt(shell, tmp_path) as terminal:
        terminal.line("sx dev")
        terminal.expect(rf"<dev in {tmp_path.name} rc=0> ")
        terminal.line(f"{program_of(shell)} -i")
        terminal.expect(rf"<dev in {tmp_path.name} rc=0> ")
        terminal.line("sx prod")
        terminal.expect("nested dev")
        terminal.expect(rf"<dev in {tmp_path.name} rc=2> ")
        terminal.line("exit")
        terminal.expect(rf"<dev in {tmp_path.name} rc=")
        terminal.line("exit")
        terminal.expect(rf"< in {tmp_path.name} rc=")
