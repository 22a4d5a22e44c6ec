"""How soon each AWS client stops after a revocation, measured with real waiting: 12 minutes of it.

Each client makes a call every two seconds under each lease. Prints the table of `docs/revocation.md`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import boto3  # type: ignore[import-untyped]

from tests.fakes.aws_clients import CLIENTS, at_work
from tests.fakes.deployment import Deployment, deployment
from tests.fakes.processes import REPOSITORY

LEASES = {"strict": 300.0, "standard": 660.0}
"""Seconds of each lease, after which nothing may be left of a session."""
PACE = 2.0
"""Seconds between two calls of a client."""
SLACK = 20.0
"""Seconds a measurement may last beyond its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds after the revocation: when the last call that still worked began, and the first refused one."""

    client: str
    lease: str
    worked_until: float | None
    refused_at: float | None


def measure(where: Deployment, client: str, lease: str) -> Measured:
    """One client under one lease; what is None did not happen."""
    with at_work(where, client, "--lease", lease) as at:
        for _ in range(3):
            assert at.call().ok
            threading.Event().wait(PACE)
        where.revoke(at.session)
        revoked, worked = time.monotonic(), None
        while (began := time.monotonic() - revoked) < LEASES[lease] + SLACK:
            if not at.call().ok:
                return Measured(client=client, lease=lease, worked_until=worked, refused_at=began)
            worked = began
            threading.Event().wait(PACE)
    return Measured(client=client, lease=lease, worked_until=worked, refused_at=None)


def versions() -> Iterator[tuple[str, str]]:
    """The version of each client."""
    installed = REPOSITORY / ".cache" / "clients"
    yield "boto3", boto3.__version__
    told = "import aiobotocore, botocore; print(aiobotocore.__version__, 'botocore', botocore.__version__)"
    yield "aiobotocore", _said(str(installed / "aiobotocore/bin/python"), "-c", told)
    yield "cli-v1", _said(str(installed / "cli1/bin/aws"), "--version").split()[0]
    yield "cli-v2", _said(str(installed / "cli2/aws"), "--version").split()[0]
    package = installed / "js/node_modules/@aws-sdk/client-sts/package.json"
    yield "js-v3", json.loads(package.read_text())["version"]


def main() -> None:
    """Measure everything at once and print a table."""
    known = dict(versions())
    asked = [(client, lease) for client in CLIENTS for lease in LEASES]
    with (
        tempfile.TemporaryDirectory() as directory,
        deployment(Path(directory), shared=False) as where,
        ThreadPoolExecutor(len(asked)) as pool,
    ):
        done = list(pool.map(lambda each: measure(where, *each), asked))
    sys.stdout.write("| client | version | lease | last call that worked | first refused call |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for each in done:
        row = (
            each.client,
            known[each.client],
            each.lease,
            _after(each.worked_until),
            _after(each.refused_at),
        )
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    sys.exit(any(each.refused_at is None for each in done))


def _after(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds:.0f} s after"


def _said(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).strip()


if __name__ == "__main__":
    main()
