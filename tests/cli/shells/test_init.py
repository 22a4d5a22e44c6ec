"""`shell init`: which script, with which functions, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.shells.quoting import SHELLS
from tests.fakes.command_line import CommandLine


@pytest.fixture
def home(sentinel: CommandLine, with_profiles: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return sentinel


def test_the_shell_is_the_one_that_is_named_or_ones_own(home: CommandLine) -> None:
    bash, zsh = home("shell", "init", "bash"), home("shell", "init", "zsh")
    assert (bash.status, bash.err, "complete -o default" in bash.out) == (0, "", True)
    assert "compdef _sentinel_complete" in zsh.out
    home.set(SHELL="/usr/bin/zsh")
    assert home("shell", "init").out == zsh.out
    assert home("shell", "init", "--format", "bash").out == bash.out
    home.set(SHELL="/bin/dash")
    refused = home("shell", "init")
    assert (refused.status, refused.out) == (2, "")
    assert refused.err.endswith("sentinel: next: sentinel shell init bash\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_functions_for_profiles_only_when_they_are_wanted(home: CommandLine, shell: str) -> None:
    assert "sentinel-dev" not in home("shell", "init", shell).out
    ran = home("shell", "init", shell, "--functions", "--include-server")
    for name in ("sentinel-dev", "sentinel-dev-eu", "sentinel-my-profile-server", "sxs"):
        assert f"function {name}" in ran.out
    assert "_sentinel_run server --profile='my profile'" in ran.out


def test_a_profile_without_a_function_is_named(home: CommandLine) -> None:
    config = home.home / ".aws" / "config"
    config.write_text(config.read_text() + "[profile corp-prod]\n[profile ...]\n")
    ran = home("shell", "init", "bash", "--functions")
    assert "--profile=corp-prod" in ran.out
    assert "no function for profile 'corp:prod'" in ran.err
    assert "no function for profile '...'" in ran.err


@pytest.mark.parametrize("name", ["", "a b", "x;id", "é", "-s", "1x", "x\n"])
def test_a_name_that_is_none_is_refused(home: CommandLine, name: str) -> None:
    ran = home("shell", "init", "bash", "--name", name)
    assert (ran.status, ran.out) == (2, "")
