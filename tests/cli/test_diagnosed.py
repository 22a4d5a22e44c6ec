"""Findings for people, in 80 columns, and for programs."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.diagnosed import FIELDS, fields, lines
from sentinel_server.diagnosis.model import Finding, Topic, Verdict, ok, problem, unknown, warning

texts = st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=200)
findings = st.lists(
    st.builds(
        Finding,
        topic=st.sampled_from(Topic),
        verdict=st.sampled_from(Verdict),
        what=texts,
        why=texts,
        mend=texts,
    ),
    max_size=6,
)


def plain(*found: Finding) -> list[str]:
    """The lines without colour."""
    return [click.unstyle(line) for line in lines(found)]


def test_each_finding_stands_under_its_topic_with_why_and_what_to_try() -> None:
    assert plain(
        ok(Topic.CONFIG, "all understood"),
        problem(Topic.STATE, "it is open", "others read it", "chmod 600 x"),
        warning(Topic.STATE, "it is old", "it is slow"),
    ) == [
        "config",
        "  ok       all understood",
        "state",
        "  problem  it is open",
        "           why: others read it",
        "           try: chmod 600 x",
        "  warning  it is old",
        "           why: it is slow",
        "1 problem, 1 warning, 1 ok",
    ]


def test_a_remark_on_what_is_well_is_no_reason_for_anything() -> None:
    assert plain(ok(Topic.CONFIG, "it assumes a role", "a child keeps the stamp"))[2] == (
        "           note: a child keeps the stamp"
    )


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], ""),
        ([unknown(Topic.STORES, "x")], "1 not looked at"),
        ([problem(Topic.STORES, "x"), problem(Topic.STORES, "y")], "2 problems"),
        ([ok(Topic.STORES, "x"), unknown(Topic.STORES, "y")], "1 not looked at, 1 ok"),
    ],
)
def test_what_there_is_of_each_is_counted_the_worst_first(found: list[Finding], said: str) -> None:
    assert plain(*found)[-1] == said


@given(findings)
def test_nothing_is_wider_than_a_terminal_and_nothing_is_lost(found: list[Finding]) -> None:
    shown = plain(*found)
    assert max(map(len, shown)) <= 80
    letters = "".join("".join(shown).split())
    for each in found:
        assert "".join(each.what.split()) in letters


def test_what_a_terminal_would_obey_is_shown_as_what_it_is() -> None:
    shown = plain(problem(Topic.POLICY, "rule '\x1b[2J'", "because\nof", "x"))
    assert "\x1b" not in "".join(shown)
    assert "\\x1b[2J" in shown[1]


@given(findings)
def test_programs_get_every_field_and_the_counts(found: list[Finding]) -> None:
    data = fields(found)
    assert [tuple(each) for each in data["findings"]] == [FIELDS] * len(found)
    assert sum(data["summary"].values()) == len(found)
    assert set(data["summary"]) == {verdict.value for verdict in Verdict}
