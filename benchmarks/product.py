"""The product as a user runs it: `sentinel exec --server` with a child that tells where it is served."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

SENTINEL = str(Path(sys.executable).with_name("sentinel"))
"""The console script beside this interpreter."""

CHILD = """
import json, os, sys
print(json.dumps([os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                  os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]]), flush=True)
sys.stdin.read()
"""
"""A Python program that tells where it is served and lasts as long as its stdin."""


class Product:
    """One `exec --server`, running, with the rate limit off; a context manager."""

    def __init__(self, environment: Mapping[str, str], profile: str, *options: str) -> None:
        self._process = subprocess.Popen(
            command(profile, "--rate-limit", "0", *options, child=(sys.executable, "-ISc", CHILD)),
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"exec --server did not start: {self._process.stderr.read()}")
        self.pid = self._process.pid
        url, self.token = json.loads(said)
        self.port = urlsplit(url).port or 0
        self.session_id = self._process.stderr.readline().split()[2]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)


def command(profile: str, *options: str, child: Sequence[str]) -> list[str]:
    """The command line of an `exec --server`."""
    return [SENTINEL, "exec", "--server", "--profile", profile, *options, "--", *child]
