"""The wizard's files: shown before they are written, written together, and none replaced without a yes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from cli.output import clean, confirm, interruptible, note
from cli.setup.answers import Answers, from_text, to_text
from cli.unified import coloured, unified
from sentinel_server import wiring
from sentinel_server.errors import AlreadyExists

Texts = dict[Path, bytes]


class Kept:
    """The answers so far, in a file of ours until the wizard is done."""

    def __init__(self, state: Path) -> None:
        self._path = state / "wizard.answers"

    def answers(self) -> Answers | None:
        """What was answered before; None when there is nothing to go on with."""
        text = wiring.read_own_file(self._path)
        return None if text is None else from_text(text.decode("utf-8", "replace"))

    def keep(self, answers: Answers) -> None:
        """Remember them. Raises SentinelError."""
        old = wiring.read_own_file(self._path)
        wiring.replace_own_files({self._path: to_text(answers).encode()}, {self._path: old})

    def forget(self) -> None:
        """Remove them."""
        self._path.unlink(missing_ok=True)


def to_write(
    texts: Texts, seen: Mapping[Path, bytes | None], config: Path, *, force: bool, ask: bool
) -> Texts:
    """Those of the files that are to be written, after every difference was shown.

    What is there is replaced by `force`, or with `ask` after a yes, else it stays; `config` is only added to,
    so where nobody is asked it is changed. Raises AlreadyExists for what is in the way.
    """
    found: Texts = {}
    for path, new in texts.items():
        old = seen[path]
        if old == new:
            note(f"{path} is so already")
        elif old is None or _may_replace(
            path, old, new, force=force or (path == config and not ask), ask=ask
        ):
            found[path] = new
        else:
            note(f"{path} stays as it is")
    return found


def _may_replace(path: Path, old: bytes, new: bytes, *, force: bool, ask: bool) -> bool:
    for index, line in enumerate(unified(old, new, str(path), f"{path} (new)")):
        click.echo(coloured(line, heading=index < 2), err=True)
    if force:
        return True
    if not ask:
        raise AlreadyExists(
            f"{path} is there already and says something else; nothing was written",
            hint="look at the difference above; to replace it: --force",
        )
    with interruptible():
        return click.confirm(clean(f"sentinel: replace {path}?"), default=False, err=True)


def write(texts: Texts, seen: Mapping[Path, bytes | None], *, yes: bool) -> None:
    """Write them all, after a yes unless it is given. Raises SentinelError without one."""
    if not texts:
        return
    for path in texts:
        note(f"to be written: {path}")
    if not yes:
        confirm(f"write {'this file' if len(texts) == 1 else f'these {len(texts)} files'}?")
    wiring.replace_own_files(texts, {path: seen[path] for path in texts})
