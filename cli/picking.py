"""Which profile, when none was named: asked on a terminal, an error anywhere else. stdout stays data."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.layout import clean, table
from cli.output import note
from sentinel_server.errors import BadInput

if TYPE_CHECKING:
    from sentinel_server.credentials.overview import Overview
    from sentinel_server.settings.resolve import Settings

_TALK = 3
"""Lines of the screen that are left for the question and what is said about the last answer."""
_FEWEST = 5
"""Profiles that are shown on however small a screen."""


def chosen_profile(settings: Settings, named: str | None, command: Sequence[str] = ()) -> str:
    """The profile that was named, or else the one that the person at the terminal chooses.

    `command` is what is to be run: many type the profile there. Raises BadInput where nobody can be asked
    or nothing was chosen, KeyboardInterrupt at Ctrl-C.
    """
    if named is not None:
        return named
    from sentinel_server.credentials.overview import overview
    from sentinel_server.wiring import profiles

    known = profiles(settings)
    names = known.names()
    _refuse_as_command(command, names)
    if not names:
        raise BadInput("no profile is named, and the AWS configuration has none", hint="aws configure sso")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput(f"no profile is named; there are: {_some(names)}", hint="name one: --profile NAME")
    usual = settings.environ.get("AWS_PROFILE", "")
    return _asked([overview(known, name) for name in names], usual if usual in names else "")


def matching(choices: Sequence[Overview], typed: str) -> list[int]:
    """Which choices are meant, by index: the one of this name, the one of this number, or all that fit.

    One fits that has every word of what was typed in its name, account or role, capitals or not.
    """
    for index, choice in enumerate(choices):
        if choice.name == typed:
            return [index]
    if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(choices):
        return [int(typed) - 1]
    words = typed.casefold().split()
    texts = (f"{each.name} {each.account} {each.role}".casefold() for each in choices)
    return [index for index, text in enumerate(texts) if all(word in text for word in words)]


def _refuse_as_command(command: Sequence[str], names: Sequence[str]) -> None:
    """Raises BadInput when the command is a profile: with other tools it stands there."""
    if not command or command[0] not in names:
        return
    from shlex import join

    name, *rest = command
    rest = ["--", *(rest[1:] if rest[0] == "--" else rest)] if rest else []
    raise BadInput(
        f"{name!r} is a profile, and stands where the command does",
        hint=join(["sentinel", "exec", "--profile", name, *rest]),
    )


def _asked(choices: Sequence[Overview], usual: str) -> str:
    """Ask until one is meant. Each answer is about all of them; those that fit several are shown again."""
    note("which profile?")
    shown: Sequence[int] = range(len(choices))
    while True:
        _show(choices, shown)
        typed = _line(f"Number, or part of a name{f' [{usual}]' if usual else ''}: ") or usual
        found = matching(choices, typed)
        if len(found) == 1:
            return choices[found[0]].name
        if not found:
            note("no profile has that in its name, account or role")
        shown = found or range(len(choices))


def _show(choices: Sequence[Overview], shown: Sequence[int]) -> None:
    columns, lines = shutil.get_terminal_size()
    most = max(lines - _TALK, _FEWEST)
    # The place of the profile in the whole list is its number, whatever else is shown.
    rows = [(str(index + 1), *_cells(choices[index])) for index in shown[:most]]
    for line in table(("", "PROFILE", "FROM", "ACCOUNT", "ROLE"), rows, columns, whole={1}):
        click.echo(line, err=True)
    if len(shown) > most:
        click.echo(clean(f"… and {len(shown) - most} more: type part of a name"), err=True)


def _cells(choice: Overview) -> tuple[str, ...]:
    if choice.problem:
        return (choice.name, "broken", "", "")
    return (choice.name, choice.kind, choice.account, choice.role)


def _line(question: str) -> str:
    click.echo(clean(question), nl=False, err=True)
    typed = sys.stdin.readline()
    if not typed.endswith("\n"):
        click.echo(err=True)
        raise BadInput("no profile was chosen", hint="name one: --profile NAME")
    return typed.strip()


def _some(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
