"""A command line of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.command_line import CommandLine


@pytest.fixture
def sentinel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """`sentinel`, with an empty store and no AWS."""
    return CommandLine(tmp_path, monkeypatch, capsys)
