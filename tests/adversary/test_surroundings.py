"""Hostile surroundings: programs, modules, configurations and logs that somebody else put in our way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import root
from cli.sign_in import TerminalScreen
from sentinel_server.sandbox.stage import SENTINEL
from tests.fakes.auditlogs import a_log, a_name
from tests.fakes.clock import FakeClock
from tests.fakes.command_line import CommandLine
from tests.fakes.logins import LOGIN, FakeSignIn
from tests.fakes.processes import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of POSIX")

PROGRAMS = (
    *("aws", "aws-vault", "cat", "docker", "git", "gpg", "id", "less", "ls", "open", "pass", "podman", "ps"),
    *("python", "python3", "security", "sentinel", "sh", "ssh", "stty", "tput", "uname", "wslview"),
    *("www-browser", "x-www-browser", "xdg-open"),
)
"""What a program like ours might start by its bare name."""
MODULES = ("webbrowser", "subprocess", "boto3", "click", "cli", "keyring", "sitecustomize", "token", "yaml")
"""What Python would find in a current directory if it looked there."""


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory, first on the PATH, whose programs and modules note in `sprung` that they ran."""
    place, sprung = tmp_path / "repository", tmp_path / "sprung"
    place.mkdir()
    for name in PROGRAMS:
        (place / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {sprung}\n')
        (place / name).chmod(0o755)
    for name in MODULES:
        (place / f"{name}.py").write_text(f"open({str(sprung)!r}, 'a').write('module {name}')\n")
    monkeypatch.chdir(place)
    monkeypatch.setenv("PATH", os.pathsep.join([str(place), ".", os.defpath]))
    return sprung


def leaves(group: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    if not isinstance(group, click.Group):
        yield words
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from leaves(command, *words, name)


def test_the_trap_springs(trap: Path) -> None:
    os.system("git status")
    assert trap.read_text() == "git status\n"


def test_no_command_runs_a_program_by_its_bare_name(trap: Path, sentinel: CommandLine) -> None:
    """But those that people name: what `exec` is given, credential processes, aws-vault to import from."""
    commands = [words for words in leaves(root) if words not in (("sandbox",), ("import", "aws-vault"))]
    assert len(commands) > 60
    for words in commands:
        for more in ((), ("prod",), ("--profile", "prod"), ("--json",)):
            sentinel(*words, *more)
            assert not trap.exists(), (words, more, trap.read_text())


def test_a_browser_is_opened_by_no_module_of_the_current_directory(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever logs in inside of a repository must not run what is in it."""
    visits, browser = tmp_path / "visits", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {visits}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    device = FakeSignIn(FakeClock()).device()
    TerminalScreen().show(LOGIN, device, open_browser=True)
    until(lambda: trap.exists() or (visits.exists() and visits.read_text()), "a visit")
    assert not trap.exists(), trap.read_text()
    assert visits.read_text() == f"{device.url}\n"


def test_the_sandbox_runs_no_module_of_the_current_directory(trap: Path) -> None:
    done = subprocess.run([*SENTINEL, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, trap.exists()) == (0, False), done.stderr


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (each, each, b",".join([b"*%c" % (each - 1)] * 9)) for each in b"bcdefghi"
)
DOCUMENTS = {
    "bomb": BOMB,
    "merge": b"a: &a {b: c}\nregion: {<<: *a}\n",
    "python": b"region: !!python/object/apply:os.system ['git status']\n",
    "deep flow": b"[" * 60_000,
    "deep block": b"\n".join(b" " * n + b"a:" for n in range(340)),
    "deep keys": b"? " * 30_000,
    "two": b"region: a\n---\nregion: b\n",
    "NUL": b"region: a\0b\n",
    "not UTF-8": b"region: \xff\xfe\n",
    "UTF-16": "region: a\n".encode("utf-16"),
    "surrogate": b"region: \xed\xa0\x80\n",
    "huge": b"region: " + b"x" * 10_000_000,
    "binary": bytes(range(256)) * 200,
    "list": b"- region\n",
    "wrong types": b"region: [1]\nstore: {}\naudit: 7\npeople: x\n",
    "not a date": b"region: 2026-13-45\nlease: .inf\nmax_session: 0x1F\n",
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_hostile_configuration_is_one_message_of_ours(
    trap: Path, sentinel: CommandLine, text: bytes
) -> None:
    place = sentinel.home / ".config" / "sentinel"
    place.mkdir(parents=True)
    (place / "config.yaml").write_bytes(text)
    (policy := sentinel.home / "prod.yaml").write_bytes(text)
    for words in (("config", "show"), ("server-sessions",)):
        ran = sentinel(*words)
        assert ran.status == 2
        assert "config.yaml" in ran.err
        assert "internal error" not in ran.err
        assert len(ran.err) < 2000
    (place / "config.yaml").unlink()
    for verb in ("validate", "lint"):
        ran = sentinel("policy", verb, str(policy))
        assert ran.status != 0
        assert "internal error" not in ran.err
        assert len(ran.err) < 4000
    assert not trap.exists()


LINES = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "huge": b'{"reason":"' + b"x" * 5_000_000 + b'"}',
    "huge number": b'{"seq":' + b"9" * 100_000 + b"}",
    "no numbers": b'{"seq":NaN,"at":Infinity,"v":-1}',
    "NUL": b'{"a":"\0"}\0\0\0',
    "not UTF-8": b'{"a":"\xff"}',
    "surrogate": b'{"person":"\\ud800","at":"\\udfff"}',
    "twice": b'{"action":"refused","action":"served"}',
    "wrong types": b'{"v":1,"seq":"1","at":7,"action":[],"person":{},"reason":null}',
    "no object": b"7",
    "empty": b"",
    "carriage returns": b'{"a":1}\r{"b":2}\r\n',
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_hostile_line_of_a_log_is_never_a_fault_of_ours(sentinel: CommandLine, line: bytes) -> None:
    """Every reader goes on to what follows, and the verifier says that something is wrong."""
    (log := sentinel.home / "log").mkdir()
    good = a_log()
    (log / a_name(0)).write_bytes(line + b"\n" + good)
    (log / a_name(1)).write_bytes(good + line)
    for words in (("search",), ("search", "--json"), ("search", "--profile", "prod"), ("tail", "-n", "3")):
        ran = sentinel("audit", *words, "--directory", str(log))
        assert "internal error" not in ran.err
        assert ran.status in (0, 6)
        assert "u.alice" in ran.out
    ran = sentinel("audit", "verify-logs", str(log))
    assert "internal error" not in ran.err
    assert ran.status in (1, 6)


@pytest.mark.parametrize(
    "text",
    [
        b"\0" * 1000,
        b"[profile \xff]\n",
        b"[" * 100_000,
        b"[profile a]\n" * 20_000,
        b"x = y\n",
        b"[profile a\nb = c\n",
    ],
    ids=["NUL", "not UTF-8", "brackets", "one profile very often", "no section", "no end"],
)
def test_a_hostile_aws_configuration_is_never_a_fault_of_ours(sentinel: CommandLine, text: bytes) -> None:
    (file := sentinel.home / "aws-config").write_bytes(text)
    sentinel.set(AWS_CONFIG_FILE=str(file))
    for words in (
        ("profiles",),
        ("profiles", "--json"),
        ("whoami", "--profile", "a"),
        ("credentials", "--profile", "a"),
    ):
        ran = sentinel(*words)
        assert "internal error" not in ran.err
        assert json.dumps(ran.err).isascii()
