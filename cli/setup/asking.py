"""The wizard's questions at the terminal, and the answers that need none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from cli.layout import clean, table
from cli.output import interruptible, note
from cli.picking import matching
from cli.setup.answers import Answers, Question, open_questions, told
from sentinel_server.credentials.overview import Overview
from sentinel_server.errors import BadInput

Usual = Callable[[Question, Answers], str | None]
"""What an empty answer to a question for words means; None when there has to be one."""


def ask_all(
    answers: Answers,
    choices: Sequence[Overview],
    usual: Usual,
    keep: Callable[[Answers], None],
) -> Answers:
    """Ask what is open, one after the other, keeping each answer. Raises click.Abort at Ctrl-C and Ctrl-D."""
    while waiting := open_questions(answers):
        each = waiting[0]
        if each.name == "profiles":
            _show(choices)
        try:
            answer = _typed(each, answers, usual(each, answers))
            answers = told(answers, each.name, _meant(each, answer, choices))
        except BadInput as error:
            note(error.message)
            continue
        answers = noting_roles(answers, choices)
        keep(answers)
    return answers


def take_usual(answers: Answers, usual: Usual) -> Answers:
    """Answer what is open as is usual. Raises BadInput for what has to be said."""
    while waiting := open_questions(answers):
        each = waiting[0]
        value: Any = each.usual(answers) if each.yes_or_no else usual(each, answers)
        if value is None:
            raise BadInput(f"{_option(each)} has to be given: {each.words.rstrip('?')}")
        answers = told(answers, each.name, value)
    return answers


def require_all(answers: Answers) -> None:
    """Raises BadInput with the options that are missing, where there is nobody to ask."""
    if missing := open_questions(answers):
        named = ", ".join(_option(each) for each in missing)
        raise BadInput(
            f"not answered, and there is no terminal to ask on: {named}",
            hint="give them, or take what is usual: --yes",
        )


def noting_roles(answers: Answers, choices: Sequence[Overview]) -> Answers:
    """With those of the chosen profiles that have no role. Raises BadInput for one that cannot be used."""
    from dataclasses import replace

    known: Mapping[str, Overview] = {each.name: each for each in choices}
    names = answers.profiles or ()
    for name in names:
        if name not in known:
            there = ", ".join(list(known)[:12])
            raise BadInput(f"there is no profile {name!r}; there are: {there}")
        if known[name].problem:
            raise BadInput(known[name].problem)
    return replace(answers, roleless=tuple(name for name in names if not known[name].role_arn))


def _option(each: Question) -> str:
    return each.option


def _typed(question: Question, answers: Answers, usual: str | None) -> str | bool:
    words = question.words[:1].upper() + question.words[1:]
    with interruptible():
        if question.yes_or_no:
            return click.confirm(clean(words), default=question.usual(answers), err=True)
        return str(click.prompt(clean(words), default=usual, err=True)).strip()


def _meant(each: Question, answer: str | bool, choices: Sequence[Overview]) -> Any:
    if isinstance(answer, bool) or each.name in ("user", "region"):
        return answer
    words = tuple(word.strip() for word in answer.split(",") if word.strip())
    return (
        words if each.name == "approvers" else tuple(dict.fromkeys(_profile(word, choices) for word in words))
    )


def _profile(word: str, choices: Sequence[Overview]) -> str:
    found = matching(choices, word)
    if len(found) != 1:
        raise BadInput(
            f"{word!r} fits {len(found) or 'no'} profiles; say a number of the list or a whole name"
        )
    if choices[found[0]].problem:
        raise BadInput(choices[found[0]].problem)
    return choices[found[0]].name


def _show(choices: Sequence[Overview]) -> None:
    if not choices:
        raise click.ClickException("the AWS configuration has no profiles")
    rows = [
        (str(number), each.name, "broken" if each.problem else each.kind, each.account, each.role)
        for number, each in enumerate(choices, start=1)
    ]
    for line in table(("", "PROFILE", "FROM", "ACCOUNT", "ROLE"), rows, shutil.get_terminal_size().columns):
        click.echo(line, err=True)
