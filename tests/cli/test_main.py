"""The console script itself: statuses, suggestions, and what it says of its own mistakes."""

from __future__ import annotations

import click
import pytest

from cli.lazy import Lazy
from cli.main import COMMANDS, root, run


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What was talked."""
    return capsys.readouterr().err


def test_every_summary_is_what_the_command_says_of_itself() -> None:
    with click.Context(root) as context:
        for name, lazy in COMMANDS.items():
            command = root.get_command(context, name)
            assert command is not None
            assert (command.help or "").splitlines()[0] == lazy.summary, name


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "server-revoke" in capsys.readouterr().out


def test_a_misspelt_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["excec"]) == 2
    assert "did you mean exec?" in said(capsys)


def test_a_misspelt_option_names_the_help_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exec", "--sever"]) == 2
    assert "next: sentinel exec --help" in said(capsys)


def test_a_mistake_of_ours_is_one_line_without_its_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "whoami", Lazy("tests.fakes.broken:command", "Breaks."))
    assert run(["whoami"]) == 1
    text = said(capsys)
    assert "internal error: KeyError in broken.py:" in text
    assert "canary" not in text
    assert "Traceback" not in text


def test_ctrl_c_at_a_prompt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "whoami", Lazy("tests.fakes.broken:interrupted", "Is interrupted."))
    assert run(["whoami"]) == 130


@pytest.mark.parametrize(
    "words",
    [
        ["exec", "--profile", "x", "--lazy", "--", "true"],
        ["exec", "--profile", "x", "--max-session", "1h", "--", "true"],
        ["exec", "--profile", "x", "--server", "--duration", "1h", "--", "true"],
        ["exec", "--profile", "x", "--server", "--lease", "10s", "--", "true"],
        ["exec", "--profile", "x", "--server", "--max-session", "900", "--", "true"],
        ["exec", "--profile", "x", "--store", "redis://x", "--", "true"],
        ["exec", "--profile", "nobody-has-this", "--", "true"],
        ["credentials", "--profile", "nobody-has-this"],
        ["credentials", "--profile", "x", "--duration", "900"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    text = said(capsys)
    assert text.startswith("sentinel: ")
    assert len(text.splitlines()) <= 2


def test_nesting_is_refused_with_the_way_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SENTINEL", "prod")
    assert run(["exec", "--profile", "dev", "--", "true"]) == 2
    assert "leave this shell first: exit" in said(capsys)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["list", "--mine", "--user", "bob"], "sentinel list"),
        (["audit", "verify-logs", "--key-file", "/nonexistent"], "sentinel audit verify-logs"),
        (["notify", "flush", "--within", "1d"], "sentinel notify flush"),
    ],
)
def test_what_is_mistyped_without_another_way_out_names_the_help_of_its_command(
    words: list[str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert f"next: {command} --help" in said(capsys)
