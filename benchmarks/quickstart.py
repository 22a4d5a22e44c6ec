"""`quickstart`: the first commands of the page, as a newcomer types them, from a clone to credentials."""

from __future__ import annotations

import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import Row, row

ROOT = Path(__file__).parents[1]
STEPS = ("clone", "install", "served aws s3 ls")
LIMIT = 300.0
"""Seconds in which a newcomer is to have seen something."""

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(rounds: int) -> list[Row]:
    """Do it in a fresh clone, without pip's cache, once a round; each round downloads some 35 MB."""
    spent: dict[str, list[float]] = {name: [] for name in (*STEPS, "computing")}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="sentinel-quickstart-") as name:
            before = _computed()
            for step, seconds in zip(STEPS, walk(Path(name), commands()), strict=True):
                spent[step].append(seconds)
            spent["computing"].append(_computed() - before)
    whole = [sum(each) for each in zip(*(spent[name] for name in STEPS), strict=True)]
    return [
        *(row(name, spent[name], "s") for name in STEPS),
        row("all of it", whole, "s", most=LIMIT),
        row("processor time of all of it", spent["computing"], "s"),
    ]


def commands(page: Path = ROOT / "docs" / "quickstart.md") -> list[str]:
    """The lines of the page's first block, with this repository in the place of REPOSITORY."""
    block = _BLOCK.search(page.read_text(encoding="utf-8"))
    assert block is not None
    return [line.replace("REPOSITORY", str(ROOT)) for line in block[1].splitlines()]


def walk(into: Path, lines: Sequence[str]) -> list[float]:
    """Seconds for each line, the first in a directory and the others in the clone that it makes.

    Raises CalledProcessError for a line that does not work, and RuntimeError when nothing was served.
    """
    seconds, out = [], ""
    for number, line in enumerate(lines):
        began = time.perf_counter()
        where = into if number == 0 else into / "sentinel"
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=where,
            env=_environment(into),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - began)
        out = done.stdout
    if "reports" not in out:
        raise RuntimeError(f"the bucket was not listed: {out!r}")
    return seconds


def _environment(home: Path) -> Mapping[str, str]:
    """What a newcomer has: a PATH, a home of their own, and nothing from before."""
    from sentinel_server.settings.environ import process_environ

    kept = {k: v for k, v in process_environ().items() if k in ("PATH", "LANG") or k.startswith("PIP_")}
    return {**kept, "HOME": str(home), "PIP_NO_CACHE_DIR": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def _computed() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
