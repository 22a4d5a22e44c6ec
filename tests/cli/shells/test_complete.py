"""What completion answers, and what the real shells make of it when somebody presses Tab."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sentinel_server.settings.environ import process_environ
from tests.fakes.command_line import CommandLine
from tests.fakes.processes import REPOSITORY, sentinel
from tests.fakes.shells import program_of, run_in, shell_environment
from tests.fakes.terminal import on_a_terminal

TAB = "\t"


@pytest.fixture
def home(sentinel: CommandLine, with_profiles: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return sentinel


def asked(home: CommandLine, *words: str) -> list[str]:
    ran = home("shell", "complete", "--", *words)
    assert (ran.status, ran.err) == (0, "")
    return ran.out.splitlines()


@pytest.mark.parametrize("option", ["--profile", "--aws-profile"])
def test_profiles_are_completed_behind_their_options(home: CommandLine, option: str) -> None:
    assert asked(home, "zsh", "sentinel", "exec", option, "") == [
        r"corp\:prod",
        "dev",
        "dev-eu",
        "my profile",
    ]
    assert asked(home, "fish", "sentinel", "whoami", f"{option}=my") == [f"{option}=my profile\t"]


def test_a_profile_is_the_first_word_of_a_function(home: CommandLine) -> None:
    assert asked(home, "fish", "exec", "dev") == ["dev\t", "dev-eu\t"]
    assert "--lease\tstandard, strict, full or 90s." in asked(home, "fish", "exec", "dev", "--")
    assert asked(home, "fish", "exec", "dev", "aws") == []


def test_commands_are_completed_with_what_they_do_and_hidden_ones_are_not(home: CommandLine) -> None:
    assert asked(home, "fish", "sentinel", "who") == ["whoami\tSay who AWS and policies think you are."]
    assert [line.partition(":")[0] for line in asked(home, "zsh", "sentinel", "shell", "")] == ["init"]


def test_bash_is_given_words_as_they_are_to_stand_there(home: CommandLine) -> None:
    assert asked(home, "bash", "exec", "sx my", "my") == [r"my\ profile"]
    assert asked(home, "bash", "exec", 'sx "my', "my") == ["my profile"]
    assert asked(home, "bash", "sentinel", "sentinel exec --profile corp:", "") == ["prod"]
    assert asked(home, "bash", "sentinel", "sentinel exec --profile=de", "de") == ["dev", "dev-eu"]


def test_a_configuration_that_cannot_be_read_completes_nothing(home: CommandLine) -> None:
    (home.home / ".aws" / "config").write_text("[profile")
    assert asked(home, "fish", "exec", "") == []


def test_profiles_in_the_keyring_are_names_too(home: CommandLine) -> None:
    home.set(
        SENTINEL_KEYRING_BACKEND="file",
        SENTINEL_KEYRING_PASSPHRASE="correct horse battery",
        AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE",
        AWS_SECRET_ACCESS_KEY="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    assert home("keyring", "add", "kept", "--env").status == 0
    assert "kept\t" in asked(home, "fish", "exec", "")
    config = home.settings.directories.config / "config.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"keyring:\n  file: {home.home / 'elsewhere' / 'keys.json'}\n")
    assert "kept\t" not in asked(home, "fish", "exec", "")
    assert home("keyring", "add", "there", "--env").status == 0
    assert "there\t" in asked(home, "fish", "exec", "")


# ---- with Tab


@pytest.fixture
def at_home(with_profiles: Path) -> dict[str, str]:
    """The environment of somebody whose `sentinel` is ours."""
    tool = with_profiles / "bin" / "sentinel"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{sentinel()[-1]}" "$@"\n')
    tool.chmod(0o700)
    env = shell_environment(with_profiles, PYTHONPATH=str(REPOSITORY))
    inherited = process_environ().get("PATH", "")
    return {**env, "PATH": f"{tool.parent}:{inherited}", "SENTINEL_PROFILE": "x"}


INSIDE = {
    "AWS_SENTINEL": "dev",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "_SENTINEL_NEXT": os.devnull,
    "_SENTINEL_CONFIG": "",
    "_SENTINEL_CREDENTIALS": "",
}
"""A shell that the function started: its AWS files are ours, and those above are where they usually are."""


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")
@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_tab_completes_a_profile_and_the_line_means_it(
    shell: str, inside: bool, at_home: dict[str, str], with_profiles: Path
) -> None:
    """The function is replaced by one that shows what it was given."""
    at_home |= INSIDE if inside else {}
    rc = with_profiles / (".bashrc" if shell == "bash" else ".zshrc")
    ready = "autoload -U compinit; compinit -u -D\n" if shell == "zsh" else ""
    rc.write_text(
        f'PS1="ready> "\n{ready}eval "$(sentinel shell init {shell})"\n'
        "function sx { printf 'given(%s)' \"$@\"; }\n"
    )
    argv = [program_of(shell), *(["--rcfile", str(rc), "-i"] if shell == "bash" else ["-i"])]
    with on_a_terminal(argv, at_home | {"TERM": "vt100"}) as terminal:
        for typed, given in [("sx my", "my profile"), ("sx corp:", "corp:prod"), ("sx 'my", "my profile")]:
            terminal.expect("ready> ")
            terminal.type(typed + TAB)
            terminal.expect(given.partition(":")[2] or "profile")
            terminal.type("\r")
            terminal.expect(rf"given\({given}\)")


@pytest.mark.parametrize(
    "line", ["sx dev printen", "sx dev --lease strict -- printen", "sentinel-dev printen"]
)
def test_bash_completes_the_command_that_is_run(
    line: str, at_home: dict[str, str], with_profiles: Path
) -> None:
    """Without `bash-completion`, only its name."""
    words = line.split()
    script = (
        'eval "$(sentinel shell init bash --functions)"\n'
        f"COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD={len(words) - 1}\n"
        f"_sentinel_complete {words[0]} {words[-1]} {words[-2]}\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    assert "printenv" in run_in("bash", script, with_profiles, env=at_home).stdout.splitlines()


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_fish_completes_profiles_options_and_commands(
    inside: bool, at_home: dict[str, str], with_profiles: Path
) -> None:
    at_home |= INSIDE if inside else {}
    asks = ["sx my", "sx dev ls --al", "sx --profile corp", "sentinel who", "sx dev --leas"]
    script = "sentinel shell init fish | source\n" + "".join(f"complete -C '{ask}'\n" for ask in asks)
    ran = run_in("fish", script, with_profiles, env=at_home)
    shown = [line.partition("\t")[0] for line in ran.stdout.splitlines()]
    assert shown == ["my profile", "--all", "--almost-all", "corp:prod", "whoami", "--lease"], ran.stderr
