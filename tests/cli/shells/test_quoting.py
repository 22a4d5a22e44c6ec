"""Words of shells: what is written for a name reads back as that name."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.shells.quoting import function_suffix, meant, quoted, readline_reply, readline_words
from sentinel_server.errors import BadInput

names = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], include_characters=" "), min_size=1
)


@given(names)
def test_a_quoted_word_is_one_word_that_means_its_name(name: str) -> None:
    assert shlex.split(quoted("bash", name)) == [name]
    assert quoted("zsh", name) == quoted("bash", name)


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "a\tb", "\x1b[2J", "\u202e"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_cannot_be_shown_is_refused(shell: str, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be typed"):
        quoted(shell, name)


@given(names, st.integers(min_value=0, max_value=20))
def test_bash_ends_up_with_a_word_that_means_the_candidate(name: str, length: int) -> None:
    """Readline keeps what stands before the last break, and puts the reply behind it."""
    typed = "".join(f"\\{each}" for each in name[:length])
    reply = readline_reply(name, typed)
    assert reply is not None
    assert shlex.split(reply) == [name]


@given(names, st.integers(min_value=0, max_value=20), st.sampled_from("'\""))
def test_in_open_quotes_too(name: str, length: int, quote: str) -> None:
    if quote == "'" in name:
        assert readline_reply(name, quote) is None
        return
    inner = name[:length] if quote == "'" else re.sub(r'(["$`\\])', r"\\\1", name[:length])
    reply = readline_reply(name, quote + inner)
    assert reply is not None
    assert meant(quote + reply + quote) == name


@given(names)
def test_words_are_read_as_a_shell_reads_them(name: str) -> None:
    """Unlike `shlex`, a shell takes `\\$` in double quotes for a dollar."""
    for typed in (shlex.quote(name), quoted("bash", name), "".join(f"\\{each}" for each in name)):
        assert readline_words(f"x {typed} ") == (["x", name], "")


def test_what_stands_before_a_break_of_readline_is_not_said_again() -> None:
    assert readline_reply("corp:prod", "corp:p") == "prod"
    assert readline_reply("admin@prod:eu", "admin@prod:") == "eu"
    assert readline_reply("corp:my prod", "corp:") == r"my\ prod"
    assert readline_reply("corp:prod", r"corp\:p") == "corp:prod"


def test_what_does_not_go_on_what_was_typed_is_no_reply() -> None:
    assert readline_reply("prod", "d") is None
    assert readline_reply("prod", 'p"r') is None


@pytest.mark.parametrize(
    ("line", "words", "last"),
    [
        ("sx ", ["sx"], ""),
        ("sx pr", ["sx"], "pr"),
        ("sx  'my pr", ["sx"], "'my pr"),
        (r"sx my\ pr", ["sx"], r"my\ pr"),
        ('sentinel exec --profile "a b" --le', ["sentinel", "exec", "--profile", "a b"], "--le"),
    ],
)
def test_an_unfinished_line_is_read(line: str, words: list[str], last: str) -> None:
    assert readline_words(line) == (words, last)


@pytest.mark.parametrize(
    ("typed", "said"), [("'my pr", "my pr"), (r"my\ pr", "my pr"), ('"a', "a"), ("", ""), ("a\\", "a")]
)
def test_an_unfinished_word_says_what_it_says_so_far(typed: str, said: str) -> None:
    assert meant(typed) == said


def test_a_functions_name_has_letters_digits_and_single_hyphens() -> None:
    assert function_suffix("corp: prod.eu") == "corp-prod-eu"
    assert function_suffix("***") == ""
