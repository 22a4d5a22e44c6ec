"""What CI runs is what README.md tells contributors to run, from pinned versions."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRY = (
    "python3 -m venv .venv"
    ' && .venv/bin/pip install -c constraints.txt ".[sandbox]"'
    " && .venv/bin/sentinel sandbox"
)
TEST = (
    '.venv/bin/pip install -c constraints.txt -e ".[dev]" && .venv/bin/python -m pytest -n 2 --dist worksteal'
)


def test_readme_has_one_line_to_try_it_and_one_to_test_it() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert lines.count(TRY) == 1
    assert [line for line in lines if "-m pytest" in line] == [TEST]


def test_ci_takes_its_line_from_readme_after_the_set_with_hashes_and_runs_nothing_else() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "set -euo pipefail" in script
    assert "README.md" in script
    run = script.partition("line=")[2]
    hashed = ".ci/venv/bin/pip install --require-hashes -r requirements.txt"
    assert run.count("pip install") == 2
    assert run.index(hashed) < run.index('eval "${line')


def test_every_requirement_is_pinned_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    wanted = {_name(each) for each in (*project["dependencies"], *extras)} - {"sentinel"}
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+(?: ;.*)?", pin) for pin in pins)
    pinned = [_name(pin) for pin in pins]
    assert len(set(pinned)) == len(pinned)
    assert wanted <= set(pinned)


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match.group()).lower()
