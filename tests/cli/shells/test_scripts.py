"""What `shell init` prints, in the real shells: every word and every name arrives as it was meant."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.shells.quoting import SHELLS, quoted
from cli.shells.scripts import Wanted, functions_for, script
from tests.fakes.shells import run_in, telling_program, told

every_shell = pytest.mark.parametrize("shell", SHELLS)

NASTY = [
    "it's",
    'say "no"',
    "$(reboot)",
    "`id`",
    "a b  c",
    "a\\",
    "!!",
    "~",
    "#x",
    "*",
    "-n",
    "--",
    "é😀",
    "; &|<>",
]
"""Names that shells would like to make something else of."""

names = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" "), min_size=1
)
"""Any name that a terminal can show."""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Stands for sentinel, at a place with a difficult name."""
    return telling_program(tmp_path / "it's $HOME" / "sentinel")


def wanted(shell: str, program: Path, **more: object) -> Wanted:
    return Wanted(shell=shell, program=str(program), **more)  # type: ignore[arg-type]


def called(shell: str, text: str, home: Path) -> list[list[str]]:
    """The words of each call that the script makes. It must not fail or say anything."""
    ran = run_in(shell, text, home)
    assert (ran.returncode, ran.stderr) == (0, "")
    return told(ran.stdout)


@every_shell
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=st.lists(names, min_size=30, max_size=60, unique=True))
def test_a_function_for_a_profile_means_that_profile_whatever_its_name(
    shell: str, some: list[str], program: Path, tmp_path: Path
) -> None:
    profiles = {f"sentinel-{number}": name for number, name in enumerate(NASTY + some)}
    text = script(wanted(shell, program, profiles=profiles)) + "\n".join(profiles)
    assert called(shell, text, tmp_path) == [["exec", f"--profile={name}"] for name in profiles.values()]


@every_shell
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=st.lists(names, min_size=30, max_size=60))
def test_what_is_typed_behind_the_function_arrives_as_it_is(
    shell: str, some: list[str], program: Path, tmp_path: Path
) -> None:
    typed = " ".join(quoted(shell, word) for word in NASTY + some)
    text = script(wanted(shell, program)) + f"sx prod -- {typed}"
    assert called(shell, text, tmp_path) == [["exec", "--profile", "prod", "--", *NASTY, *some]]


@every_shell
def test_the_first_word_is_a_profile_unless_it_is_an_option(
    shell: str, program: Path, tmp_path: Path
) -> None:
    lines = ["sx", "sx dev", "sx dev aws s3 ls", "sx dev --lease strict -- aws", "sx --profile -x", "sx ''"]
    text = script(wanted(shell, program)) + "\n".join(lines)
    assert called(shell, text, tmp_path) == [
        ["exec"],
        ["exec", "--profile", "dev"],
        ["exec", "--profile", "dev", "aws", "s3", "ls"],
        ["exec", "--profile", "dev", "--lease", "strict", "--", "aws"],
        ["exec", "--profile", "-x"],
        ["exec", "--profile", ""],
    ]


@every_shell
def test_with_the_server_each_function_has_a_sister(shell: str, program: Path, tmp_path: Path) -> None:
    profiles = {"sentinel-prod": "prod"}
    text = script(wanted(shell, program, name="go", server=True, profiles=profiles))
    text += "go dev\ngos dev\nsentinel-prod\nsentinel-prod-server id"
    assert called(shell, text, tmp_path) == [
        ["exec", "--profile", "dev"],
        ["exec", "--server", "--profile", "dev"],
        ["exec", "--profile=prod"],
        ["exec", "--server", "--profile=prod", "id"],
    ]


@every_shell
def test_the_exit_status_is_the_commands(shell: str, tmp_path: Path) -> None:
    failing = tmp_path / "sentinel"
    failing.write_text("#!/bin/sh\nexit 43\n")
    failing.chmod(0o700)
    assert run_in(shell, script(wanted(shell, failing)) + "sx dev", tmp_path).returncode == 43


@pytest.mark.parametrize("mode", ["-eu", "--posix"])
def test_strict_modes_of_bash_are_no_trouble(mode: str, program: Path, tmp_path: Path) -> None:
    text = script(wanted("bash", program, server=True, profiles={"sentinel-prod": "prod"})) + "sx\nsx dev"
    ran = run_in("bash", text, tmp_path, mode)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert told(ran.stdout) == [["exec"], ["exec", "--profile", "dev"]]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_an_alias_of_that_name_gives_way(shell: str, program: Path, tmp_path: Path) -> None:
    expands = "shopt -s expand_aliases\n" if shell == "bash" else ""
    evaluated = f"eval {shlex.quote(script(wanted(shell, program)))}"
    text = f"{expands}alias sx='echo no'\n{evaluated}\nsx dev"
    assert called(shell, text, tmp_path) == [["exec", "--profile", "dev"]]


def test_profiles_that_want_one_function_get_none_unless_it_is_their_own_name() -> None:
    found, left = functions_for(["prod.a", "prod-a", "x y", "x.y", "dev", "***"])
    assert found == {"sentinel-prod-a": "prod-a", "sentinel-dev": "dev"}
    assert left == ["prod.a", "x y", "x.y", "***"]


@given(st.lists(st.text(alphabet="ab.- ", max_size=4), unique=True))
def test_no_function_is_for_a_profile_that_another_has_as_good_a_right_to(some: list[str]) -> None:
    found, left = functions_for(some)
    assert sorted([*found.values(), *left]) == sorted(some)
    for function, name in found.items():
        rivals = [other for other in some if functions_for([other])[0].get(function)]
        assert rivals == [name] or function == f"sentinel-{name}"


def test_a_server_function_never_takes_the_name_of_another_profiles(program: Path, tmp_path: Path) -> None:
    profiles = {"sentinel-prod": "prod", "sentinel-prod-server": "prod-server"}
    text = script(wanted("bash", program, server=True, profiles=profiles)) + "sentinel-prod-server"
    assert called("bash", text, tmp_path) == [["exec", "--profile=prod-server"]]
