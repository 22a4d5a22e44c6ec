"""The child ends, and we say so as a shell would; what it inherits is what we were given."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.child import default_command
from tests.fakes.drives import DRIVER, ENV, drive
from tests.fakes.processes import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")


def script(folder: Path, text: str | bytes, mode: int = 0o755) -> str:
    """A file of that text and mode."""
    path = folder / "tool"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("code", [0, 3, 126, 127, 255])
def test_the_childs_exit_code_is_ours(tmp_path: Path, code: int) -> None:
    with drive(tmp_path, "sh", "-c", f"exit {code}") as run:
        assert run.wait() == code
        assert f"ended {code}\n" in run.err()


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("KILL", 137), ("HUP", 129), ("SEGV", 139)])
def test_a_death_by_signal_is_128_and_the_signal(tmp_path: Path, name: str, code: int) -> None:
    with drive(tmp_path, "sh", "-c", f"ulimit -c 0; kill -{name} $$") as run:
        assert run.wait() == code


def test_a_death_by_interrupt_is_followed_so_that_shells_leave_their_loops(tmp_path: Path) -> None:
    with drive(tmp_path, "sh", "-c", "kill -INT $$") as run:
        assert run.wait() == -signal.SIGINT
        assert "ended 130\n" in run.err()


@pytest.mark.parametrize("how", ["beside", "instead"])
class TestNotStarted:
    """A program that cannot be run, whether we stay beside it or it takes our place."""

    def ended(self, folder: Path, how: str, *command: str) -> tuple[int, str]:
        mode = ["--replace"] if how == "instead" else []
        with drive(folder, *mode, *command) as run:
            code = run.wait()
            assert "started" not in run.err()
            return code, run.err().strip()

    def test_a_command_that_is_nowhere_is_127(self, tmp_path: Path, how: str) -> None:
        assert self.ended(tmp_path, how, "no-such-tool") == (
            127,
            "ended 127 cannot run no-such-tool: not found in PATH; check the spelling, or give its path",
        )

    def test_a_path_that_is_nowhere_is_127(self, tmp_path: Path, how: str) -> None:
        code, said = self.ended(tmp_path, how, "/no/such/tool")
        assert code == 127
        assert "no such file" in said

    def test_a_file_without_the_x_bit_is_126(self, tmp_path: Path, how: str) -> None:
        tool = script(tmp_path, "#!/bin/sh\n", mode=0o644)
        assert self.ended(tmp_path, how, tool) == (
            126,
            f"ended 126 cannot run {tool}: permission denied; look at it: ls -l {tool}",
        )

    def test_a_directory_is_126(self, tmp_path: Path, how: str) -> None:
        code, said = self.ended(tmp_path, how, str(tmp_path))
        assert code == 126
        assert "is a directory" in said

    def test_a_script_whose_interpreter_is_missing_is_126(self, tmp_path: Path, how: str) -> None:
        code, said = self.ended(tmp_path, how, script(tmp_path, "#!/no/such/shell\n"))
        assert code == 126
        assert "interpreter" in said

    def test_a_program_of_another_kind_of_machine_is_126(self, tmp_path: Path, how: str) -> None:
        code, said = self.ended(tmp_path, how, script(tmp_path, b"\x7fNOPE\0\0\0"))
        assert code == 126
        assert "exec format error" in said


@pytest.mark.parametrize("mode", [[], ["--replace"]])
class TestInheritance:
    """What the child finds when it starts, in both modes."""

    def printed(self, folder: Path, mode: list[str], shell: str, env: dict[str, str] = ENV) -> str:
        with drive(folder, *mode, "sh", "-c", shell, env=env) as run:
            assert run.wait() == 0
            return run.out()

    def test_it_has_the_environment_and_nothing_more(self, tmp_path: Path, mode: list[str]) -> None:
        env = {**ENV, "AWS_SENTINEL": "prod"}
        lines = self.printed(tmp_path, mode, "env", env=env).splitlines()
        ours = {
            line for line in lines if not line.startswith(("PWD=", "_=", "SHLVL=", "OLDPWD=", "LC_CTYPE="))
        }
        assert ours == {f"{name}={value}" for name, value in env.items()}

    def test_it_dies_of_a_broken_pipe_as_programs_do(self, tmp_path: Path, mode: list[str]) -> None:
        assert self.printed(tmp_path, mode, "(sh -c 'kill -PIPE $$'; echo $?)") == "141\n"

    def test_it_has_no_descriptor_that_we_opened(self, tmp_path: Path, mode: list[str]) -> None:
        with drive(tmp_path, "--held-descriptor", *mode, "sh", "-c", "test -e /dev/fd/40; echo $?") as run:
            assert run.wait() == 0
            run.wait_for("^holding 40$")
            assert run.out() == "1\n"

    def test_it_has_the_descriptors_that_the_shell_passed(self, tmp_path: Path, mode: list[str]) -> None:
        passing = f"{' '.join(DRIVER)} {' '.join(mode)} cat <(echo through)"
        done = subprocess.run(
            ["bash", "-c", passing], cwd=REPOSITORY, env=ENV, capture_output=True, timeout=20, check=True
        )
        assert done.stdout == b"through\n"

    def test_a_script_without_an_interpreter_line_is_for_sh(self, tmp_path: Path, mode: list[str]) -> None:
        tool = script(tmp_path, 'echo "$# $1"\n')
        with drive(tmp_path, *mode, tool, "a b") as run:
            assert run.wait() == 0
            assert run.out() == "1 a b\n"

    def test_the_path_searched_is_the_childs(self, tmp_path: Path, mode: list[str]) -> None:
        script(tmp_path, "#!/bin/sh\necho mine\n")
        with drive(tmp_path, *mode, "tool", env={"PATH": f"{tmp_path}:/usr/bin:/bin"}) as run:
            assert run.wait() == 0
            assert run.out() == "mine\n"


def test_an_inherited_indifference_to_children_does_not_lose_the_exit_code(tmp_path: Path) -> None:
    ignoring = """import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])"""
    done = subprocess.run(
        [sys.executable, "-c", ignoring, *DRIVER, "sh", "-c", "exit 9"],
        cwd=REPOSITORY,
        env=ENV,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 9


def test_without_a_command_it_is_the_users_shell() -> None:
    assert default_command({"SHELL": "/bin/zsh"}) == ["/bin/zsh"]
    assert default_command({}) == default_command({"SHELL": ""}) == ["/bin/sh"]
