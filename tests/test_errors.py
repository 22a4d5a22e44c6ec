"""The tree of errors is the one that is drawn, and every error can say what to do in one line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server import errors
from sentinel_server.errors import Problem, SentinelError, all_errors

ROW = re.compile(r"^    (?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w+)(?P<numbers>[ \d]*)", re.MULTILINE)
OURS = {kind.__name__: kind for kind in all_errors() if kind.__module__.startswith(errors.__name__)}
DRAWN = {row["name"]: row for row in ROW.finditer((errors.__doc__ or "").partition("The first number")[0])}
HTTP_ONLY = {"NotAuthenticated"}
"""What only the loopback server says: it is drawn without an exit status."""


def parent(name: str) -> str:
    """The error below which `name` is drawn."""
    depth, above = len(DRAWN[name]["branches"]), ""
    for other, row in DRAWN.items():
        if other == name:
            break
        if len(row["branches"]) == depth - 4:
            above = other
    return above


def numbers(name: str) -> tuple[int | None, int | None]:
    """The exit status and the HTTP status that are drawn beside `name`."""
    found = [int(number) for number in DRAWN[name]["numbers"].split()]
    return (
        next((number for number in found if number < 100), None),
        next((number for number in found if number >= 100), None),
    )


def test_every_error_is_drawn_in_the_order_of_the_tree() -> None:
    assert list(DRAWN) == list(OURS)


@pytest.mark.parametrize("name", [name for name in OURS if name != "SentinelError"])
def test_an_error_is_drawn_below_its_parent(name: str) -> None:
    assert OURS[name].__bases__ == (OURS[parent(name)],)


@pytest.mark.parametrize("name", list(OURS))
def test_a_number_is_drawn_where_it_differs_from_the_parents(name: str) -> None:
    kind, above = OURS[name], OURS.get(parent(name), SentinelError)
    exit_status, http_status = numbers(name)
    if name not in HTTP_ONLY:
        assert kind.exit_status == (above.exit_status if exit_status is None else exit_status)
    assert kind.http_status == (above.http_status if http_status is None else http_status)


@pytest.mark.parametrize("kind", OURS.values(), ids=list(OURS))
def test_a_code_is_the_name_of_its_class_and_says_so_itself(kind: type[SentinelError]) -> None:
    assert kind.code == ("Failed" if kind is SentinelError else kind.__name__)
    assert "code" in vars(kind)


@pytest.mark.parametrize("kind", OURS.values(), ids=list(OURS))
def test_a_hint_is_the_kinds_own_unless_another_is_given(kind: type[SentinelError]) -> None:
    assert kind("it failed").hint == kind.default_hint
    assert kind("it failed", hint="").line() == "it failed"
    assert kind("it failed", hint="do this").line() == "it failed; do this"


@given(st.text(max_size=400), st.integers(10, 300))
def test_without_a_hint_the_message_has_the_whole_line(message: str, limit: int) -> None:
    words = " ".join(message.split())
    line = SentinelError(message).line(limit)
    assert line == words if len(words) <= limit else line == words[: limit - 1] + "…"


@given(st.integers(20, 300))
def test_a_hint_that_is_too_long_leaves_a_third_to_the_message(limit: int) -> None:
    line = SentinelError("m" * 400, hint="h" * 400).line(limit)
    assert len(line) == limit
    assert line.count("…") == 2
    assert line.count("m") >= limit // 3 - 3


def test_a_line_of_just_the_limit_is_not_cut() -> None:
    assert SentinelError("m" * 300).line() == "m" * 300
    assert SentinelError("m" * 290, hint="h" * 8).line() == "m" * 290 + "; " + "h" * 8
    assert SentinelError("m" * 291, hint="h" * 8).line() == "m" * 289 + "…; " + "h" * 8


@pytest.mark.parametrize(
    ("path", "suggestion", "text"),
    [
        ("", "", "p.yaml:3:7: is wrong"),
        ("rules[2].reason", "", "p.yaml:3:7: rules[2].reason: is wrong"),
        ("rules[2]", "say this", "p.yaml:3:7: rules[2]: is wrong; say this"),
        ("", "say this", "p.yaml:3:7: is wrong; say this"),
    ],
)
def test_a_problem_says_where_before_what(path: str, suggestion: str, text: str) -> None:
    problem = Problem(file="p.yaml", line=3, column=7, path=path, message="is wrong", suggestion=suggestion)
    assert str(problem) == text
