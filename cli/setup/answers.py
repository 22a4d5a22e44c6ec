"""What the wizard is told: the questions in their order, and the answers as a value that can be kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from sentinel_server.errors import BadInput
from sentinel_server.frozen import frozen

_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d", re.ASCII)


@frozen
class Answers:
    """The answers so far; None is a question that is still open.

    `user` is a bare name or an ARN pattern. `roleless` are those of `profiles` that have no role, and not an
    answer; `unstamped` is whether they may be used all the same. `settled` are answers that are configured.
    """

    profiles: tuple[str, ...] | None = None
    roleless: tuple[str, ...] = ()
    unstamped: bool | None = None
    user: str | None = None
    server: bool | None = None
    approvals: bool | None = None
    approvers: tuple[str, ...] | None = None
    breakglass: bool | None = None
    signing: bool | None = None
    tables: bool | None = None
    ssm: bool | None = None
    region: str | None = None
    settled: tuple[str, ...] = ()


@frozen
class Question:
    """One question: its attribute, its option, and its words. `usual` is what an empty answer means.

    None as `usual` means that there has to be an answer.
    """

    name: str
    option: str
    words: str
    usual: Callable[[Answers], bool | None] = lambda _: None
    needed: Callable[[Answers], bool] = lambda _: True

    @property
    def yes_or_no(self) -> bool:
        """Whether it is answered by yes or no."""
        return self.option.partition("/")[2] != "" or self.name == "unstamped"


def _asks_others(answers: Answers) -> bool:
    return bool(answers.approvals or answers.breakglass)


QUESTIONS = (
    Question(name="profiles", option="--profile", words="profiles, by number or name"),
    Question(
        name="unstamped",
        option="--allow-unstamped",
        words="some have no role: they cannot be stamped or shortened. Use them all the same?",
        usual=lambda _: False,
        needed=lambda answers: bool(answers.roleless),
    ),
    Question(name="user", option="--user", words="who may use them (a user's name, or an ARN)"),
    Question(
        name="server",
        option="--server/--no-server",
        words="serve live shells only, deciding anew on every fetch?",
        usual=lambda _: True,
    ),
    Question(
        name="approvals",
        option="--approvals/--no-approvals",
        words="must somebody else agree first?",
        usual=lambda _: False,
    ),
    Question(
        name="approvers",
        option="--approver",
        words="who agrees (names or ARNs, with commas between)",
        needed=lambda answers: bool(answers.approvals),
    ),
    Question(
        name="breakglass",
        option="--breakglass/--no-breakglass",
        words="may the glass be broken in an emergency?",
        usual=lambda _: False,
    ),
    Question(
        name="signing",
        option="--signing/--no-signing",
        words="shall policies be signed?",
        usual=lambda _: False,
    ),
    Question(
        name="tables",
        option="--tables/--no-tables",
        words="keep sessions, requests and emergencies in DynamoDB, where others see them?",
        usual=_asks_others,
    ),
    Question(
        name="ssm",
        option="--ssm/--no-ssm",
        words="keep policies in SSM Parameter Store, the same for everybody?",
        usual=lambda answers: bool(answers.tables),
    ),
    Question(
        name="region",
        option="--region",
        words="in which AWS region",
        needed=lambda answers: bool(answers.tables or answers.ssm),
    ),
)
"""Every question, in the order in which they are asked."""


def open_questions(answers: Answers) -> list[Question]:
    """Those that have no answer yet and need one, as far as is known by now."""
    return [each for each in QUESTIONS if getattr(answers, each.name) is None and each.needed(answers)]


def told(answers: Answers, name: str, value: Any) -> Answers:
    """With one more answer. Raises BadInput for one that cannot be meant."""
    if name == "region" and not _REGION.fullmatch(value):
        raise BadInput(f"{value[:40]!r} is not the name of a region, such as eu-central-1")
    if name in ("user", "approvers"):
        _check_users((value,) if name == "user" else value)
    return replace(answers, **{name: value})


def _check_users(names: Sequence[str]) -> None:
    from cli.configs.templates import Cast

    Cast(profiles=(), users=tuple(names))
    if not names:
        raise BadInput("somebody has to be named")


def to_text(answers: Answers) -> str:
    """The answers, to be kept."""
    return json.dumps(asdict(answers), indent=2) + "\n"


def from_text(text: str) -> Answers | None:
    """The answers that were kept; None when they are not of this version."""
    try:
        kept = json.loads(text)
        if not isinstance(kept, dict) or set(kept) != {field.name for field in fields(Answers)}:
            return None
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()
        }
        return Answers(**values)
    except (ValueError, TypeError):
        return None
