"""What a command may import before it does anything: commands that ask nobody must start at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.main import COMMANDS
from tests.fakes.auditlogs import KEY, a_log

ROOT = Path(__file__).parents[1]

LIGHT = {"cli", "sentinel_server", "click", "colorama"}
"""What every start may import from outside of the standard library; colorama is click's, on Windows."""

HEAVY = {"asyncio", "concurrent", "email", "http", "multiprocessing", "sqlite3", "ssl", "unittest", "xml"}
"""Parts of the standard library that cost more than all of our start together."""

PROBE = """
import sys
before = set(sys.modules)
from cli.main import run
status = run(sys.argv[1:])
print("IMPORTED", *sorted(set(sys.modules) - before), file=sys.stderr)
sys.exit(status)
"""

UNTIL_A_CHILD = """
import os, sys
before = set(sys.modules)
def heard(event, arguments):
    if event == "os.posix_spawn":
        print(*set(sys.modules) - before, flush=True)
        os._exit(0)
sys.addaudithook(heard)
from cli.main import main
main()
"""
"""Says what is imported when a child would be started, and starts none."""

POLICY = """\
version: "1"
rules:
  - {name: nobody, effect: deny, match: any}
"""


def imported_by(arguments: Sequence[str], status: int = 0) -> set[str]:
    """The modules that a command imports, its exit status being as expected."""
    argv = [sys.executable, "-c", PROBE, *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return set(done.stderr.rpartition("IMPORTED ")[2].split())


def tops_of(modules: set[str]) -> set[str]:
    """The top-level ones of them."""
    return {name.partition(".")[0] for name in modules}


def foreign(modules: set[str]) -> set[str]:
    """The top-level ones that come from elsewhere, and the heavy ones of the standard library."""
    tops = tops_of(modules)
    own = {top for top in tops if top in sys.stdlib_module_names or top.startswith("_sysconfigdata")}
    return (tops - own) | (tops & HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["nonsense"]], ids=str)
def test_the_group_itself_imports_next_to_nothing(arguments: list[str]) -> None:
    assert foreign(imported_by(arguments, status=2 if arguments == ["nonsense"] else 0)) <= LIGHT


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=str)
def test_the_group_itself_imports_of_ours_what_it_is_made_of(arguments: list[str]) -> None:
    imported = imported_by(arguments)
    assert {name for name in imported if name.startswith(("cli.", "sentinel_server."))} == {
        "cli.collecting",
        "cli.lazy",
        "cli.main",
    }
    assert (
        tops_of(imported) & {"hashlib", "json", "logging", "pathlib", "random", "socket", "subprocess"}
        == set()
    )


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_on_a_command_imports_no_aws_and_no_server(command: str) -> None:
    assert foreign(imported_by([command, "--help"])) <= LIGHT


@pytest.mark.parametrize(
    "words", [["sentinel", "exe"], ["sentinel", "exec", "--pro"], ["exec", "d"]], ids=str
)
def test_whoever_presses_tab_waits_for_next_to_nothing(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sentinel").mkdir()
    (tmp_path / "sentinel" / "config.yaml").write_text("lease: strict\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert foreign(imported_by(["shell", "complete", "--", "fish", *words])) <= LIGHT


def test_a_prompt_waits_for_next_to_nothing() -> None:
    assert foreign(imported_by(["status", "--prompt"], status=1)) <= LIGHT


def test_a_shell_that_starts_waits_for_next_to_nothing() -> None:
    assert foreign(imported_by(["shell", "init", "bash", "--functions"])) <= LIGHT


def test_validating_a_policy_needs_nothing_but_yaml(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    tops = foreign(imported_by(["policy", "validate", str(policy)]))
    assert {top for top in tops if "cython" not in top} <= LIGHT | {"yaml", "_yaml"}


def test_verifying_a_log_needs_nothing(tmp_path: Path) -> None:
    log, key = tmp_path / "log.jsonl", tmp_path / "key"
    log.write_bytes(a_log())
    key.write_text(KEY.secret.reveal())
    assert foreign(imported_by(["audit", "verify-logs", "--key-file", str(key), str(log)])) <= LIGHT


@pytest.mark.skipif(sys.platform == "win32", reason="tells the start of a child by posix_spawn")
def test_a_lazily_served_child_waits_for_no_event_loop_no_server_and_no_openssl(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile dev]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n")
    environ = {"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(config), "PATH": "/usr/bin:/bin"}
    command = ["exec", "--server", "--lazy", "--profile", "dev", "--", "true"]
    argv = [sys.executable, "-c", UNTIL_A_CHILD, *command]
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    imported = set(done.stdout.split())
    assert "cli.lazily" in imported, done.stderr
    assert imported & {"_hashlib", "yaml", "zoneinfo", "sentinel_server.notifications.event"} == set()
    assert foreign(imported) <= LIGHT
