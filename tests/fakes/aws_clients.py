"""Real AWS clients inside `exec --server`, told by a line when to make their next call.

`.ci/clients` installs those that are not among our own requirements. A test of one that is not there is
skipped, except in CI, where it fails.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.deployment import Deployment, session_of
from tests.fakes.processes import REPOSITORY, Running, until

_INSTALLED = REPOSITORY / ".cache" / "clients"
_PROGRAMS = Path(__file__).parent / "clients"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one call went: what AWS said of the caller, or what the client said of the refusal."""

    ok: bool
    text: str
    seconds: float


@dataclass(slots=True, kw_only=True)
class Client:
    """One client at work in a session of its own."""

    name: str
    running: Running
    session: str
    _calls: int = 0

    def call(self, line: str = "", within: float = 60) -> Answer:
        """Let it make its next call."""
        began = time.monotonic()
        self.running.say(line)
        self._calls += 1
        word, _, text = until(self._answer, f"the next answer of {self.name}", within).partition(" ")
        assert word in ("ok", "refused"), f"{word} {text}\n{self.running.err()}"
        return Answer(ok=word == "ok", text=text, seconds=time.monotonic() - began)

    def call_until_refused(self, within: float) -> Answer:
        """Call again and again. Fails when it is not refused in time."""
        return until(lambda: None if (said := self.call()).ok else said, f"{self.name} is refused", within)

    def _answer(self) -> str | None:
        if self.running.process.poll() is not None:
            raise AssertionError(f"{self.name} ended\n{self.running.out()}\n{self.running.err()}")
        lines = self.running.out().split("\n")
        return lines[self._calls - 1] if len(lines) > self._calls else None


def boto3() -> list[str]:
    """boto3, as our own requirements have it."""
    return [sys.executable, str(_PROGRAMS / "with_boto3.py")]


def aiobotocore() -> list[str]:
    """The newest aiobotocore."""
    return [_installed("aiobotocore/bin/python"), str(_PROGRAMS / "with_aiobotocore.py")]


def cli_v1() -> list[str]:
    """The AWS CLI, version 1."""
    return ["sh", str(_PROGRAMS / "with_cli.sh"), _installed("cli1/bin/aws")]


def cli_v2() -> list[str]:
    """The AWS CLI, version 2."""
    return ["sh", str(_PROGRAMS / "with_cli.sh"), _installed("cli2/aws")]


def js_v3() -> list[str]:
    """The AWS SDK for JavaScript, version 3."""
    modules, node = _installed("js/node_modules"), shutil.which("node")
    if node is None:
        missing("node")
    return ["env", f"NODE_PATH={modules}", str(node), str(_PROGRAMS / "with_js.cjs")]


CLIENTS: dict[str, Callable[[], list[str]]] = {
    "boto3": boto3,
    "aiobotocore": aiobotocore,
    "cli-v1": cli_v1,
    "cli-v2": cli_v2,
    "js-v3": js_v3,
}
"""The command of each client that tests run."""


@contextmanager
def at_work(where: Deployment, name: str, *flags: str) -> Iterator[Client]:
    """`name` in an `exec --server` with these flags, before its first call."""
    with where.serving(*flags, "--", *CLIENTS[name]()) as running:
        yield Client(name=name, running=running, session=session_of(running))


def _installed(path: str) -> str:
    found = _INSTALLED / path
    if not found.exists():
        missing(str(found.relative_to(REPOSITORY)))
    return str(found)


def missing(what: str) -> None:
    """Skip the test, or fail it in CI."""
    reason = f"{what} is not there (run .ci/clients)"
    if os.environ.get("CI") == "true":  # noqa: TID251
        pytest.fail(reason)
    pytest.skip(reason)
