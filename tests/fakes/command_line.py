"""The command line in this process, on a home of its own with a real SQLite store and audit log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cli.main import run
from sentinel_server.sessions.store import SessionStore
from sentinel_server.settings.environ import process_environ, read_settings
from sentinel_server.settings.resolve import Settings
from sentinel_server.wiring import open_store
from tests.fakes.aws import Sandbox

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one command came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


class CommandLine:
    """Runs commands as a person would type them, and looks at what they did."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        for name in process_environ():
            if name.startswith(("SENTINEL_", "AWS_", "XDG_")):
                monkeypatch.delenv(name)
        self.set(HOME=str(home), AWS_EC2_METADATA_DISABLED="true")

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *words: str) -> Ran:
        """Run one command."""
        self._capsys.readouterr()
        status = run(words)
        out, err = self._capsys.readouterr()
        return Ran(status=status, out=out, err=err)

    def connect(self, sandbox: Sandbox) -> None:
        """Configure an embedded AWS: `base` has the keys of `dev`, `prod` assumes the role from it."""
        directory = self.home / ".aws"
        directory.mkdir()
        keys = sandbox.dev
        (directory / "credentials").write_text(
            f"[base]\naws_access_key_id = {keys.access_key_id}\n"
            f"aws_secret_access_key = {keys.secret_access_key}\n"
        )
        (directory / "config").write_text(
            f"[profile base]\nregion = {sandbox.aws.region}\n"
            f"[profile prod]\nrole_arn = {sandbox.prod_arn}\nsource_profile = base\n"
            f"region = {sandbox.aws.region}\n"
        )
        self.set(AWS_ENDPOINT_URL=sandbox.aws.url)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return read_settings({})

    def in_store(self, do: Callable[[SessionStore], Coroutine[Any, Any, T]]) -> T:
        """What `do` returns of the store that the commands use."""

        async def opened() -> T:
            async with open_store(self.settings) as store:
                return await do(store)

        return asyncio.run(opened())

    def audited(self) -> list[dict[str, Any]]:
        """Every event in the audit log, oldest first."""
        files = sorted(self.settings.audit_directory.glob("*.jsonl"))
        lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [line for line in lines if line["action"] not in ("opened", "checkpoint")]
