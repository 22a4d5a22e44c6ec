"""Which profile, when none is named: chosen on a terminal by number or name, told about anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.picking import matching
from sentinel_server.credentials.near import near_names, question
from sentinel_server.credentials.overview import Overview
from tests.fakes.command_line import CommandLine
from tests.fakes.processes import REPOSITORY, sentinel
from tests.fakes.shells import shell_environment
from tests.fakes.terminal import CTRL_C, Terminal, on_a_terminal

CONFIG = """\
[profile base]
credential_process = false base
[profile dev]
credential_process = false dev
[profile prod-eu]
credential_process = false eu
[profile prod-us]
role_arn = arn:aws:iam::111122223333:role/team/Admin
source_profile = base
[profile broken]
role_arn = nonsense
"""
ASKED = "Number, or part of a name: "


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with profiles whose credentials nobody gets."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def at_home(sentinel: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return sentinel


@contextmanager
def asked(home: Path, *words: str, **env: str) -> Iterator[Terminal]:
    everything = shell_environment(home, PYTHONPATH=str(REPOSITORY), AWS_EC2_METADATA_DISABLED="true", **env)
    with on_a_terminal(sentinel(*words), everything) as terminal:
        yield terminal


on_terminals = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")


def ends(terminal: Terminal, said: str, status: int) -> None:
    terminal.expect(said)
    assert terminal.process.wait(30) == status


@on_terminals
def test_a_number_chooses(home: Path) -> None:
    with asked(home, "export") as terminal:
        terminal.expect("sentinel: which profile")
        terminal.expect(r"3 +dev +process")
        terminal.expect(r"5 +prod-us +process +111122223333 +Admin")
        terminal.expect(ASKED)
        terminal.line("3")
        ends(terminal, "sentinel: .*'dev'", 6)


@on_terminals
def test_what_is_typed_narrows_the_list_until_one_is_left(home: Path) -> None:
    with asked(home, "exec", "--server", "--", "true") as terminal:
        terminal.expect(ASKED)
        terminal.line("nothing like it")
        terminal.expect("no profile has that in its name")
        terminal.expect(ASKED)
        terminal.line("prod")
        terminal.expect(r"4 +prod-eu")
        terminal.expect(ASKED)
        terminal.line("PROD eu")
        ends(terminal, "sentinel: .*'prod-eu'", 6)
        assert terminal.shown.count("2  broken") == 2


@on_terminals
def test_return_alone_takes_the_shells_own_profile(home: Path) -> None:
    with asked(home, "exec", AWS_PROFILE="dev") as terminal:
        terminal.expect(r"part of a name \[dev\]: ")
        terminal.line("")
        ends(terminal, "sentinel: .*'dev'", 6)


@on_terminals
def test_the_end_of_input_is_an_answer_and_ctrl_c_an_end(home: Path) -> None:
    with asked(home, "exec") as terminal:
        terminal.expect(ASKED)
        terminal.type("\x04")
        ends(terminal, "sentinel: no profile was chosen", 2)
    with asked(home, "exec") as terminal:
        terminal.expect(ASKED)
        terminal.type(CTRL_C)
        ends(terminal, "sentinel: interrupted", 130)


@on_terminals
def test_an_sdk_is_never_asked(home: Path) -> None:
    with asked(home, "credentials") as terminal:
        ends(terminal, "Missing option '--profile'", 2)


@pytest.mark.parametrize("command", ["exec", "export", "console"])
def test_where_nobody_can_be_asked_the_profiles_are_named(at_home: CommandLine, command: str) -> None:
    ran = at_home(command)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == (
        "sentinel: no profile is named; there are: base, broken, dev, prod-eu, prod-us\n"
        "sentinel: next: name one: --profile NAME\n"
    )


def test_without_any_profile_there_is_nothing_to_choose_from(at_home: CommandLine) -> None:
    (at_home.home / ".aws" / "config").write_text("")
    ran = at_home("export")
    assert (ran.status, "the AWS configuration has none" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["dev"], "sentinel exec --profile dev"),
        (["dev", "--", "aws", "s3"], "sentinel exec --profile dev -- aws s3"),
        (["dev", "sh", "-c", "a b"], "sentinel exec --profile dev -- sh -c 'a b'"),
    ],
)
def test_a_profile_in_the_place_of_the_command_is_pointed_out(
    at_home: CommandLine, words: list[str], meant: str
) -> None:
    ran = at_home("exec", *words)
    assert ran.status == 2
    assert ran.err.splitlines() == [
        "sentinel: 'dev' is a profile, and stands where the command does",
        f"sentinel: next: {meant}",
    ]


@pytest.mark.parametrize("typed", ["prod-su", "PROD-US", "us"])
def test_a_mistyped_profile_is_answered_with_what_was_meant(at_home: CommandLine, typed: str) -> None:
    ran = at_home("exec", "--profile", typed)
    assert (ran.status, "sentinel: next: did you mean 'prod-us'" in ran.err) == (2, True)


def test_names_are_near_when_they_are_spelt_alike_or_contain_what_was_typed() -> None:
    names = ["Prod", "corp-prod-eu", "staging", "proud"]
    assert near_names("prod", names) == ("Prod", "proud", "corp-prod-eu")
    assert near_names("xyz", names) == near_names("", names) == ()
    assert question(near_names("prod", names)) == "did you mean 'Prod', 'proud' or 'corp-prod-eu'?"
    assert (question(["a"]), question([])) == ("did you mean 'a'?", None)


CHOICES = [Overview(name=name, account="1111", role="Admin") for name in ("prod", "prod-eu", "2", "dev")]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("prod", [0]),
        ("PROD", [0, 1]),
        ("1", [0]),
        ("2", [2]),
        ("4", [3]),
        ("5", []),
        ("11 adm eu", [1]),
        ("", 4),
    ],
)
def test_a_name_beats_a_number_and_a_number_a_part(typed: str, found: list[int] | int) -> None:
    said = matching(CHOICES, typed)
    assert said == (list(range(found)) if isinstance(found, int) else found)


@given(st.lists(st.text("abAB1 -", min_size=1, max_size=4), unique=True))
def test_every_profile_can_be_chosen_by_its_name(names: list[str]) -> None:
    choices = [Overview(name=name) for name in names]
    for index, name in enumerate(names):
        assert matching(choices, name) == [index]
