"""What the wizard is told: which questions are open, and answers that can be kept and read again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.setup.answers import QUESTIONS, Answers, from_text, open_questions, to_text, told
from cli.setup.asking import noting_roles, require_all, take_usual
from sentinel_server.credentials.overview import Overview
from sentinel_server.errors import BadInput

PROD = Overview(name="prod", role="prod", role_arn="arn:aws:iam::111122223333:role/prod")
KEYS = Overview(name="keys", kind="static")
BROKEN = Overview(name="bad", problem="profile 'bad' means nothing")
CHOICES = [PROD, KEYS, BROKEN]


def names(answers: Answers) -> list[str]:
    """The open questions, by name."""
    return [each.name for each in open_questions(answers)]


def test_at_first_everything_is_open_that_can_be_answered() -> None:
    assert names(Answers()) == [
        *("profiles", "user", "server", "approvals", "breakglass", "signing", "tables", "ssm")
    ]


@pytest.mark.parametrize(
    ("answered", "more"),
    [
        ({"approvals": True}, "approvers"),
        ({"tables": True}, "region"),
        ({"ssm": True}, "region"),
        ({"roleless": ("keys",)}, "unstamped"),
    ],
)
def test_an_answer_may_open_another_question(answered: dict[str, object], more: str) -> None:
    assert more not in names(Answers())
    assert more in names(replace(Answers(), **answered))  # type: ignore[arg-type]


def test_every_question_has_an_attribute_an_option_and_words() -> None:
    for each in QUESTIONS:
        assert hasattr(Answers(), each.name)
        assert each.option.startswith("--")
        assert each.words
        assert each.yes_or_no is (each.words.endswith("?"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("region", "frankfurt"),
        ("region", ""),
        ("user", "dev*"),
        ("user", "two words"),
        ("user", "arn:nonsense"),
        ("approvers", ()),
        ("approvers", ("eve", "b b")),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadInput):
        told(Answers(), name, value)


yes = st.none() | st.booleans()
words = st.none() | st.text(max_size=10)
lists = st.none() | st.lists(st.text(max_size=10), max_size=3).map(tuple)
some = st.builds(
    Answers,
    profiles=lists,
    roleless=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    unstamped=yes,
    user=words,
    server=yes,
    approvals=yes,
    approvers=lists,
    breakglass=yes,
    signing=yes,
    tables=yes,
    ssm=yes,
    region=words,
    settled=st.just(("tables",)),
)


@given(some)
def test_answers_that_were_kept_are_the_same_answers(answers: Answers) -> None:
    assert from_text(to_text(answers)) == answers


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"profiles": null}', "\x00", "null"])
def test_what_is_not_of_this_version_is_forgotten(text: str) -> None:
    assert from_text(text) is None


def test_the_usual_answers_are_live_shells_and_nothing_else() -> None:
    given = Answers(profiles=("prod",), user="dev")
    found = take_usual(given, lambda _question, _answers: None)
    assert found == replace(
        given, server=True, approvals=False, breakglass=False, signing=False, tables=False, ssm=False
    )


def test_whoever_needs_others_usually_shares_tables_and_policies() -> None:
    given = Answers(profiles=("prod",), user="dev", approvals=True, approvers=("eve",))
    found = take_usual(given, lambda question, _: "eu-central-1" if question.name == "region" else None)
    assert (found.tables, found.ssm, found.region) == (True, True, "eu-central-1")


def test_what_nothing_is_usual_for_has_to_be_given() -> None:
    with pytest.raises(BadInput, match=r"--profile has to be given"):
        take_usual(Answers(), lambda _question, _answers: None)


def test_where_nobody_can_be_asked_everything_that_is_missing_is_named() -> None:
    with pytest.raises(BadInput, match=r"--profile, --user, --server/--no-server"):
        require_all(Answers())
    with pytest.raises(BadInput, match=r"there is no terminal to ask on: --user$"):
        require_all(
            Answers(
                profiles=("prod",),
                server=True,
                approvals=False,
                breakglass=False,
                signing=False,
                tables=False,
                ssm=False,
            )
        )


def test_profiles_without_a_role_are_noted() -> None:
    assert noting_roles(Answers(profiles=("prod", "keys")), CHOICES).roleless == ("keys",)
    assert noting_roles(Answers(), CHOICES).roleless == ()


@pytest.mark.parametrize(
    ("name", "said"), [("prd", "there is no profile 'prd'; there are: prod"), ("bad", "means nothing")]
)
def test_a_profile_that_cannot_be_used_is_refused(name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        noting_roles(Answers(profiles=(name,)), CHOICES)
