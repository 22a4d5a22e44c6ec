"""The command line's page, and what all commands have in common."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from cli.document import document, every_command
from cli.main import COMMANDS, run
from sentinel_server.errors import all_errors
from sentinel_server.settings.resolve import OTHER_VARIABLES
from sentinel_server.settings.table import settings_table
from tests.fakes.processes import REPOSITORY

COMMAND_LIST = list(every_command())
KNOWN = {setting.variable for setting in settings_table(Path("/"), Path("/")).values()} | OTHER_VARIABLES
every = pytest.mark.parametrize(
    ("name", "command", "context"), COMMAND_LIST, ids=[name for name, _, _ in COMMAND_LIST]
)


def test_the_page_is_what_the_commands_say_of_themselves() -> None:
    page = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == document(), "run: python -m cli.document > docs/cli.md"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_command_says(name: str) -> None:
    command = {name: command for name, command, _ in COMMAND_LIST}[f"sentinel {name}"]
    assert command.help is not None
    assert COMMANDS[name].summary == command.help.splitlines()[0]


@every
def test_help_fits_a_terminal(name: str, command: click.Command, context: click.Context) -> None:
    assert [line for line in command.get_help(context).splitlines() if len(line) > 80] == []


@every
def test_every_option_is_explained(name: str, command: click.Command, context: click.Context) -> None:
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.opts for option in options if not option.help and not option.hidden] == []


@every
def test_no_variable_of_an_option_is_refused_by_the_settings(
    name: str, command: click.Command, context: click.Context
) -> None:
    named = {param.envvar for param in command.params if isinstance(param.envvar, str)}
    shown = set(re.findall(r"\bSENTINEL_[A-Z_]+", command.get_help(context)))
    assert {variable for variable in named | shown if variable.startswith("SENTINEL_")} <= KNOWN


@every
def test_every_option_has_a_variable(name: str, command: click.Command, context: click.Context) -> None:
    """`--json` is short for `--output json`, which has one; a setting's is named in its help."""
    options = [param for param in command.params if isinstance(param, click.Option)]
    without = [
        each.opts
        for each in options
        if not (each.envvar or each.hidden or "SENTINEL_" in (each.help or "")) and "--json" not in each.opts
    ]
    assert [opts for opts in without if "--version" not in opts] == []


@every
def test_what_has_json_has_it_in_short(name: str, command: click.Command, context: click.Context) -> None:
    formats = [param for param in command.params if "--output" in param.opts]
    if any(isinstance(param.type, click.Choice) for param in formats):
        assert any("--json" in param.opts for param in command.params)


def test_a_misspelt_command_is_answered_with_a_likely_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server-revok"]) == 2
    assert "did you mean server-revoke?" in capsys.readouterr().err


def test_the_page_has_every_exit_status() -> None:
    table = dict(re.findall(r"^\| (\d+) \| (.*) \|$", document(), re.MULTILINE))
    assert {str(error.exit_status) for error in all_errors()} <= set(table)
