"""The real shells. bash is everywhere; zsh and fish are the system's, or what `.ci/clients` unpacked.

A test of one that is not there is skipped, except in CI, where it fails.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.fakes.aws_clients import missing
from tests.fakes.processes import REPOSITORY

_UNPACKED = REPOSITORY / ".cache" / "clients" / "shells"


def program_of(shell: str) -> str:
    """The file to run for `bash`, `zsh` or `fish`."""
    unpacked = _UNPACKED / shell
    found = shutil.which(shell) or (str(unpacked) if unpacked.exists() else None)
    if found is None:
        missing(shell)
    return str(found)


def run_in(
    shell: str, script: str, home: Path, *options: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell that reads it from its stdin, with a home of its own."""
    return subprocess.run(
        [program_of(shell), *options],
        input=script,
        env=shell_environment(home, **(env or {})),
        cwd=home,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def shell_environment(home: Path, **more: str) -> dict[str, str]:
    """What a shell of somebody with this home begins with.

    A fish in a new home reads every manual page in the background, for minutes and beyond its own end, unless
    it seems to have done so before.
    """
    (home / ".local" / "share" / "fish" / "generated_completions").mkdir(parents=True, exist_ok=True)
    usual = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"}
    return {**usual, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), **more}


def telling_program(path: Path) -> Path:
    """A program at `path` that prints its words, each ended by NUL, all of them by SOH."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\nprintf '\\1'\n")
    path.chmod(0o700)
    return path


def told(output: str) -> list[list[str]]:
    """The words of each call of such a program."""
    return [call.split("\0")[:-1] for call in output.split("\1")[:-1]]
