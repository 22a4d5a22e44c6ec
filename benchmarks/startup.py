"""`startup`: how long commands take from their call to their end, and a child until it runs."""

from __future__ import annotations

import compileall
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import botocore.session

from benchmarks.product import SENTINEL, command
from benchmarks.report import Row, above, compared, ratio, row
from benchmarks.site import PROFILE, Site, seeded

_ROOT = Path(__file__).parents[1]
_AWS = _ROOT / ".cache" / "clients" / "cli1" / "bin" / "aws"
"""The AWS CLI v1, as `.ci/clients` installs it."""

_CHILD = ("sh", "-c", "echo running")


def run(rounds: int) -> list[Row]:
    """Measure every command once a round, after one round that does not count."""
    for package in ("cli", "sentinel_server"):  # as every installer does; else each start compiles them anew
        compileall.compile_dir(_ROOT / package, quiet=1)
    with seeded() as site:
        env = site.environment
        whole = {
            "python": [sys.executable, "-c", "pass"],
            "help": [SENTINEL, "--help"],
            "version": [SENTINEL, "--version"],
            "credentials": [SENTINEL, "credentials", "--profile", PROFILE],
        }
        if _AWS.exists():
            whole["aws"] = [str(_AWS), "sts", "get-caller-identity", "--profile", "base"]
        until = {
            "child": command(PROFILE, child=_CHILD),
            "lazy child": command(PROFILE, "--lazy", child=_CHILD),
        }
        measured: dict[str, list[float]] = {name: [] for name in (*whole, *until, "round trips")}
        for number in range(rounds + 1):
            for name, argv in (*whole.items(), *until.items()):
                spent = _until_line(argv, env) if name in until else _until_end(argv, env)
                if number:
                    measured[name].append(spent * 1000)
            spent = _round_trips(site)
            if number:
                measured["round trips"].append(spent * 1000)
    return list(_rows(measured))


def _round_trips(site: Site) -> float:
    """Seconds of the two calls that wait for each other: whose the keys are, and the role."""
    session = botocore.session.Session(profile="base")
    for name in ("config", "credentials"):
        session.set_config_variable(f"{name}_file", str(site.directory / "aws" / name))
    sts: Any = session.create_client("sts")
    role = f"arn:aws:iam::{site.account}:role/{PROFILE}"
    began = time.perf_counter()
    sts.get_caller_identity()
    sts.assume_role(RoleArn=role, RoleSessionName="benchmark", SourceIdentity="sentinel=u.dev=d=0")
    return time.perf_counter() - began


def _until_end(argv: Sequence[str], env: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, env=dict(env), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _until_line(argv: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds until the child's first line is here."""
    began = time.perf_counter()
    with subprocess.Popen(
        argv, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        spent = time.perf_counter() - began
        _, said = process.communicate(timeout=20)
    if line != "running\n" or process.returncode:
        raise RuntimeError(f"the child did not run: {said}")
    return spent


def _rows(measured: Mapping[str, list[float]]) -> Iterator[Row]:
    python, version = measured["python"], measured["version"]
    yield row("python -c pass", python, "ms")
    yield row("--help", measured["help"], "ms")
    yield row("--help above python -c pass", compared(measured["help"], python, above), "ms", most=60.0)
    yield row("--help, of python -c pass", compared(measured["help"], python, ratio), "x")
    yield row("--version", version, "ms")
    yield row("--version above python -c pass", compared(version, python, above), "ms", most=60.0)
    yield row("credentials", measured["credentials"], "ms")
    if "aws" in measured:
        yield row("aws sts get-caller-identity (CLI v1)", measured["aws"], "ms")
        part = compared(measured["credentials"], measured["aws"], ratio)
        yield row("credentials, of that", part, "x", most=0.8)
    yield row("exec --server until the child runs", measured["child"], "ms")
    waits = compared(measured["child"], version, above)
    yield row("  above --version", waits, "ms")
    yield row(
        "  above that and two round trips", compared(waits, measured["round trips"], above), "ms", most=350.0
    )
    yield row("exec --server --lazy until it runs", measured["lazy child"], "ms")
    yield row("  above --version", compared(measured["lazy child"], version, above), "ms", most=80.0)
