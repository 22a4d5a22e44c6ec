"""What the words of a command line name, without running anything."""

from __future__ import annotations

import click

from cli.main import root


def resolved(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command that the words name, and what is left of them for it."""
    command: click.Command = root
    context = click.Context(root, info_name="sentinel")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0]) if words else None
        assert found is not None, f"no command: {words}"
        command, context, words = found, click.Context(found, parent=context), words[1:]
    return command, context, words


def lacking(words: list[str]) -> list[str]:
    """What the command needs and the words do not have; fails for words that mean nothing to it."""
    command, context, rest = resolved(words)
    given, left, _ = command.make_parser(context).parse_args(rest)
    assert left == [], f"too many words: {left}"
    needed = [each.name or "" for each in command.params if each.required]
    return [name for name in needed if given.get(name) is None]
