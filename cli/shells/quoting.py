"""Names in shells' own words, so that every one of them means itself and nothing else. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sentinel_server.errors import BadInput

SHELLS = ("bash", "zsh", "fish")
"""The shells we speak."""

_SAFE = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*")
"""Words that no shell takes for anything else."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,-]")
"""What stands for itself in bash where no quotes are open."""

_BREAKS = re.compile(r"(?<!\\)[@><=;|&(:]")
"""Where readline begins a new word, unless it is quoted: the default of COMP_WORDBREAKS."""


def quoted(shell: str, text: str) -> str:
    """One word of that shell which means `text`. Raises BadInput for what no terminal shows."""
    if not text.isprintable():
        raise BadInput(f"{text!r} has characters that cannot be typed")
    if _SAFE.fullmatch(text):
        return text
    if shell != "fish":
        # Not `shlex.quote`, which leaves `=x` bare: zsh makes something else of it.
        return "'" + text.replace("'", "'\\''") + "'"
    # Not at the top: who completes a word waits for it.
    from sentinel_server.credentials.exporting import fish_quoted

    return fish_quoted(text)


def function_suffix(name: str) -> str:
    """`name` with every run of what is no letter or digit as one hyphen; empty when nothing is left."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")


def readline_words(line: str) -> tuple[list[str], str]:
    """The words of an unfinished bash line before its last one, and that one as it was typed."""
    read = _read(line)
    return read.words, line[read.start :]


def meant(typed: str) -> str:
    """What an unfinished word says so far, without its quotes."""
    return _read(typed).last


def readline_reply(candidate: str, typed: str) -> str | None:
    """What bash must put in the place of its own idea of the last word, so that the word means `candidate`.

    `typed` is that whole word as typed. Readline replaces what stands behind the last break of a word, or
    behind an open quote, which it closes itself. None when `candidate` does not go on what was typed.
    """
    read = _read(typed)
    quote = read.quote
    if not candidate.startswith(read.last) or (quote and not typed.startswith(quote)):
        return None
    if quote == "'":
        return None if quote in candidate else candidate
    if quote:
        return re.sub(r'(["$`\\])', r"\\\1", candidate)
    breaks = [found.end() for found in _BREAKS.finditer(typed)]
    rest = candidate[len(meant(typed[: breaks[-1]])) :] if breaks else candidate
    return "".join(each if _PLAIN.fullmatch(each) else f"\\{each}" for each in rest)


@dataclass(slots=True)
class _Read:
    """An unfinished line: whole words, the last one's text and where it begins, and a quote still open."""

    words: list[str] = field(default_factory=list)
    last: str = ""
    start: int = 0
    quote: str = ""
    escaped: bool = False


def _read(line: str) -> _Read:
    read = _Read()
    for at, character in enumerate(line):
        if read.escaped:
            literal = read.quote and character not in '"$`\\'
            read.last += f"\\{character}" if literal else character
            read.escaped = False
        elif character == "\\" and read.quote != "'":
            read.escaped = True
        elif character == read.quote:
            read.quote = ""
        elif not read.quote and character in "'\"":
            read.quote = character
        elif not read.quote and character.isspace():
            read.words += [read.last] if at > read.start else []
            read.last, read.start = "", at + 1
        else:
            read.last += character
    return read
