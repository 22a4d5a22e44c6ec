"""Writes `docs/cli.md` from the commands' own help: `python -m cli.document > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cli.main import root

INTRODUCTION = """\
# The command line

This page is made from `--help` of every command by `python -m cli.document > docs/cli.md`.

stdout is data, stderr is talk. What prints data takes `--json`, or `--output` with a format it names. Colour
is for terminals, and `NO_COLOR` turns it off. An option can also be given as the variable in brackets behind
it; [settings](settings.md) says which of several wins. A command that is to be run stands behind `--`.

| exit status | meaning |
|---|---|
| 0 | done; of a check: nothing found |
| 1 | failed; of a check: something found |
| 2 | used or configured wrongly |
| 3 | denied |
| 4 | approval needed |
| 5 | revoked, ended or blocked |
| 6 | could not be verified: store, policy, identity or audit log unavailable |
| 130 | interrupted |

`exec` ends with the status of the command it ran; [errors](errors.md) has each failure by its code.

`sentinel shell init` prints functions and completion for your shell; see [shell](shell.md).
"""


def every_command() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Each command with its full name and the context of its help, 80 columns wide; groups before theirs."""
    top = click.Context(root, info_name="sentinel", terminal_width=80, **root.context_settings)
    yield from _below("sentinel", root, top)


def document() -> str:
    """The whole page."""
    pages = [INTRODUCTION]
    for name, command, context in every_command():
        level = "##" if name.count(" ") < 2 else "###"
        pages.append(f"{level} {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(pages)


def _below(
    name: str, command: click.Command, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield name, command, context
    if not isinstance(command, click.Group):
        return
    for word in command.list_commands(context):
        inner = command.get_command(context, word)
        if inner is not None and not inner.hidden:
            yield from _below(f"{name} {word}", inner, click.Context(inner, parent=context, info_name=word))


if __name__ == "__main__":
    click.echo(document(), nl=False)
