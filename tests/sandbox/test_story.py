"""`sentinel sandbox`, as somebody new would type it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sentinel_server.settings.environ import process_environ

ROOT = Path(__file__).parents[2]


def sandbox(*words: str) -> subprocess.CompletedProcess[str]:
    """The command's outcome; a story is promised in 20 s, so a minute is past all hope."""
    env = {**process_environ(), "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = [sys.executable, "-m", "cli.main", "sandbox", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("kind", [(), ("--shared",)], ids=["embedded", "shared"])
def test_the_story_is_played_and_every_step_behaves(kind: tuple[str, ...]) -> None:
    done = sandbox(*kind)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = re.findall(r"^\d+\. ", done.stdout, re.MULTILINE)
    assert len(steps) == 6
    for word in ("denies dev", "assumed-role/prod/sentinel-u.dev-", "INC-42", "nothing was changed"):
        assert word in done.stdout
    assert done.stdout.endswith("done: every step behaved\n")


@pytest.mark.parametrize(
    ("story", "steps", "words"),
    [
        (
            "approvals",
            8,
            ("wants an approval", "assumed-role/payments/sentinel-u.dev-", "was revoked: wrong ticket"),
        ),
        ("breakglass", 8, ("denies dev", "is open until", "was closed: queue runs again", "was justified")),
    ],
)
@pytest.mark.parametrize("kind", [(), ("--shared",)], ids=["embedded", "shared"])
def test_what_policy_does_not_give_is_got_by_approval_or_emergency_and_taken_back(
    story: str, steps: int, words: tuple[str, ...], kind: tuple[str, ...]
) -> None:
    done = sandbox("--story", story, *kind)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^\d+\. ", done.stdout, re.MULTILINE)) == steps
    for word in (*words, "nothing was changed"):
        assert word in done.stdout
    assert done.stdout.endswith("done: every step behaved\n")


def test_a_command_runs_in_the_seeded_account_and_its_status_is_ours() -> None:
    done = sandbox("--", sys.executable, "-c", "import boto3, sys; print(boto3.client('sts'), sys.exit(4))")
    assert done.returncode == 4


def test_a_second_terminal_can_join() -> None:
    script = """
import os, pathlib, subprocess, sys
join = pathlib.Path(os.environ["AWS_CONFIG_FILE"]).parents[1] / "join.sh"
clean = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PYTHONPATH": os.environ["PYTHONPATH"]}
line = f". {join}; {sys.executable} -m cli.main whoami --profile prod --json"
print(subprocess.run(["sh", "-c", line], env=clean, capture_output=True, text=True).stdout)
"""
    done = sandbox("--", sys.executable, "-c", script)
    assert ":user/dev" in done.stdout
    assert "join from a second terminal: . " in done.stderr


def test_both_terminals_find_the_command_that_is_told_without_an_active_venv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    join = '. "${AWS_CONFIG_FILE%/aws/config}/join.sh"'
    done = sandbox("--", "sh", "-c", f"command -v sentinel; PATH=/bin:/usr/bin; {join}; command -v sentinel")
    assert done.stdout.splitlines() == [str(Path(sysconfig.get_path("scripts")) / "sentinel")] * 2


def test_nothing_of_the_readers_own_aws_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOWN")
    monkeypatch.setenv("SENTINEL_LEASE", "full")
    done = sandbox("--", sys.executable, "-c", "import os; print(*os.environ)")
    assert "AWS_ACCESS_KEY_ID" not in done.stdout
    assert "SENTINEL_LEASE" not in done.stdout
