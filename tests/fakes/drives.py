"""Ways to run the child driver and the signal listener, for tests."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from tests.fakes.processes import Running, started

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
"""An environment with nothing of ours in it."""

DRIVER = [sys.executable, "-m", "tests.fakes.child_driver"]
LISTENER = [sys.executable, "-m", "tests.fakes.signal_listener"]


def drive(into: Path, *arguments: str, env: Mapping[str, str] = ENV) -> AbstractContextManager[Running]:
    """The driver with these arguments, its output in a folder of its own below `into`."""
    return started([*DRIVER, *arguments], env=env, into=into / "output")
