"""The page's first commands are what the benchmark times, and the last of them serves credentials."""

from __future__ import annotations

import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.quickstart import ROOT, STEPS, commands, walk
from sentinel_server.settings.environ import process_environ

LISTS = f"""#!{sys.executable}
import boto3, sys
assert sys.argv[1:] == ["s3", "ls"], sys.argv
print(*(bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]))
"""
"""What `aws s3 ls` does, by plain boto3."""


def script(path: Path, text: str) -> None:
    """A program of that text."""
    path.write_text(text)
    path.chmod(stat.S_IRWXU)


def test_the_first_block_clones_installs_and_serves() -> None:
    clone, install, serve = commands()
    assert len(STEPS) == 3
    assert clone == f"git clone {ROOT} sentinel && cd sentinel"
    assert install.endswith('install -q -c constraints.txt ".[sandbox]"')
    assert serve == ".venv/bin/sentinel sandbox -- sentinel exec --server --profile prod -- aws s3 ls"


def test_the_last_line_of_the_block_lists_the_bucket(tmp_path: Path) -> None:
    program, *words = shlex.split(commands()[-1])
    script(tmp_path / "aws", LISTS)
    script(tmp_path / "sentinel", f'#!/bin/sh\nexec "{sys.executable}" -m cli.main "$@"\n')
    environ = process_environ()
    done = subprocess.run(
        [tmp_path / Path(program).name, *words],
        env={**environ, "PATH": f"{tmp_path}:{environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "reports\n"), done.stderr


def test_every_line_is_timed_where_a_newcomer_would_type_it(tmp_path: Path) -> None:
    lines = ["mkdir sentinel && pwd", "basename $(pwd) > where", "cat where; echo reports"]
    assert len(walk(tmp_path, lines)) == 3
    assert (tmp_path / "sentinel" / "where").read_text() == "sentinel\n"


def test_a_walk_that_serves_nothing_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the bucket was not listed"):
        walk(tmp_path, ["mkdir sentinel", "true", "true"])
    with pytest.raises(subprocess.CalledProcessError):
        walk(tmp_path, ["false"])


def test_a_newcomer_has_nothing_from_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    lines = ["mkdir sentinel", 'test -z "$AWS_PROFILE" && test "$HOME" = "$(dirname $(pwd))"', "echo reports"]
    assert len(walk(tmp_path, lines)) == 3
