"""Containers reach the endpoint over the host's network or at its link-local address, and only by our leave.

A network namespace stands in for a container: it is what a container has of a network.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.processes import REPOSITORY

UNSHARE = ["unshare", "--net"]


def _may_unshare() -> bool:
    try:
        return subprocess.run([*UNSHARE, "ip", "link"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's"),
    pytest.mark.skipif(
        sys.platform == "linux" and not _may_unshare(),
        reason="making a network namespace needs root, and setting it up iproute2",
    ),
]


def test_a_container_is_served_when_its_user_is_ours_or_allowed_and_nobody_else(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}  # noqa: TID251
    ran = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.fakes.container_host", str(tmp_path)],
        cwd=REPOSITORY,
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    served = {how for how, came in told.items() if came == "got ASIA"}
    assert served == {
        "the bridge, as us",
        "the bridge, as an allowed user",
        "the host's network, as us",
        "the host's network, as an allowed user",
    }, told
    for how in ("the bridge, as another user", "the host's network, as another user"):
        assert "NotAuthenticated" in told[how], told
