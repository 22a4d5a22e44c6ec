"""The linters, as tests: one command says whether a change is finished. `-m 'not lint'` leaves them out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("sentinel_server", "cli")
ALL = [part for part in (*PRODUCT, "tests", "benchmarks") if any((ROOT / part).rglob("*.py"))]

pytestmark = [pytest.mark.lint, pytest.mark.timeout(900)]


def run(*command: str) -> str:
    """What a tool had to complain about; nothing when it had nothing."""
    argv = [sys.executable, "-m", *command]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    assert run("ruff", "check", "--quiet", *ALL) == ""


def test_ruff_would_format_nothing_otherwise() -> None:
    assert run("ruff", "format", "--check", *ALL) == ""


@pytest.mark.parametrize(("platform", "parts"), [("linux", ALL), ("darwin", PRODUCT), ("win32", PRODUCT)])
def test_every_type_fits(platform: str, parts: list[str]) -> None:
    """The product runs on three systems; its tests use POSIX to see what it does."""
    assert run("mypy", "--platform", platform, "--cache-dir", f".cache/mypy-{platform}", *parts) == ""
