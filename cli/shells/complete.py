"""`sentinel shell complete`: what a shell's completion asks, by the functions that `shell init` printed."""

from __future__ import annotations

from collections.abc import Sequence

import click

from cli.shells.quoting import SHELLS, meant, readline_reply, readline_words


@click.command("complete", hidden=True)
@click.argument("shell", type=click.Choice(SHELLS))
@click.argument("what", type=click.Choice(["sentinel", "exec"]))
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def complete(shell: str, what: str, words: tuple[str, ...]) -> None:
    """Answer a shell that completes.

    WHAT is `sentinel`, or `exec` for a function that stands for it. WORDS are what was typed behind that, the
    last one unfinished; for bash the whole line and readline's idea of its last word.
    """
    for line in _bash(what, *words[:1]) if shell == "bash" else _shown(shell, what, words):
        click.echo(line)


def _bash(what: str, line: str = "") -> list[str]:
    words, last = readline_words(line)
    found = completions(what, words[1:], meant(last))
    replies = [readline_reply(text, last) for text, _ in found]
    return [reply for reply in replies if reply is not None]


def _shown(shell: str, what: str, words: Sequence[str]) -> list[str]:
    found = completions(what, words[:-1], "".join(words[-1:]))
    if shell == "fish":
        return [f"{text}\t{about}" for text, about in found]
    # `_describe` takes what stands before the first bare colon.
    escaped = [(text.replace("\\", "\\\\").replace(":", "\\:"), about) for text, about in found]
    return [f"{text}:{about}" if about else text for text, about in escaped]


def completions(what: str, words: Sequence[str], last: str) -> list[tuple[str, str]]:
    """What `last` may become after `words`, each with what it is. Nothing is ever an error here."""
    from click.shell_completion import ShellComplete

    from cli.main import root

    before, arguments = "", _as_typed_out(what, words, last)
    if last.startswith("--") and "=" in last:
        option, _, last = last.partition("=")
        before, arguments = f"{option}=", [*arguments, option]
    items = ShellComplete(root, {}, "sentinel", "").get_completions(arguments, last)
    return [
        (before + item.value, (item.help or "").partition("  [")[0])
        for item in items
        if item.type == "plain" and item.value.isprintable()
    ]


def _as_typed_out(what: str, words: Sequence[str], last: str) -> list[str]:
    """The words behind `sentinel` that mean the same: a function's first word is a profile, if no option."""
    if what == "sentinel":
        return list(words)
    first = words[0] if words else last
    return ["exec", *([] if first.startswith("-") else ["--profile"]), *words]
