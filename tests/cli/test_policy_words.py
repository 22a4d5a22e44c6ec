"""What people read of comparisons and matrices says what was found, and nothing a terminal obeys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest

from cli.compared import meaning_fields, meaning_lines
from cli.junit import junit_xml
from cli.tested import in_words
from sentinel_server.policy.answers import Answer
from sentinel_server.policy.cases import parse_tests
from sentinel_server.policy.comparing import Change, Comparison
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import FULL, STRICT, Effect, Mode, Override
from sentinel_server.policy.testing import TestReport, run_tests

DENY = Answer(outcome=Effect.DENY)
ALLOW = Answer(outcome=Effect.ALLOW)
CHANGE = Change(
    who=("alice",), profiles=("prod",), modes=(Mode.CLI, Mode.TVM), when=(), before=DENY, after=ALLOW
)
POLICY = parse_policy("version: 1\nrules: [{name: a, effect: deny, match: any}]\n", file="p")


def lines(*changes: Change) -> list[str]:
    """What people read of these changes."""
    found = Comparison(changes=changes, users=("alice", "bob"), profiles=("prod",))
    return "\n".join(meaning_lines(found)).splitlines()


def report(*files: str) -> TestReport:
    """One test per file that passes and one that fails."""
    text = (
        "tests:\n  - {name: ok, who: alice, profile: prod, expect: {effect: deny}}\n"
        "  - {name: bad, who: alice, profile: prod, expect: {effect: allow}}\n"
    )
    return run_tests(POLICY, *(parse_tests(text, file=file) for file in files))


def test_a_change_is_told_in_six_lines() -> None:
    assert lines(CHANGE) == [
        "1 change of meaning, looked for among 2 users and 1 profile",
        "",
        "gains    alice",
        "  on     prod",
        "  by     cli, tvm",
        "  when   always",
        "  was    deny, no rule matches",
        "  now    allow",
    ]


def test_seasons_are_told_one_below_the_other() -> None:
    told = lines(replace(CHANGE, when=("monday until 2026-10-25 UTC", "tuesday from 2026-10-25 UTC")))
    assert told[5:7] == ["  when   monday until 2026-10-25 UTC", "         tuesday from 2026-10-25 UTC"]


def test_no_change_is_said_to_be_none() -> None:
    assert lines() == ["means the same for 2 users and 1 profile"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (DENY, "deny, no rule matches"),
        (replace(DENY, override=Override.EMERGENCY), "deny, lifted by an emergency"),
        (replace(DENY, override=Override.APPROVAL), "deny, lifted by an approval or an emergency"),
        (replace(DENY, override=Override.APPROVAL_ONLY), "deny, lifted by an approval"),
        (replace(DENY, override=Override.NONE), "deny, lifted by nothing"),
        (Answer(outcome=Effect.REQUIRE_APPROVAL), "allow after an approval"),
        (Answer(outcome=Effect.REQUIRE_SERVER), "refuse, server mode only"),
        (replace(ALLOW, max_duration=timedelta(minutes=90)), "allow, at most 1h30m"),
        (replace(ALLOW, max_lease=STRICT), "allow, lease at most strict"),
        (
            replace(ALLOW, enforce_lease=True, allow_unstamped=True),
            "allow, lease enforced by AWS, unstamped too",
        ),
        (
            Answer(outcome=Effect.REQUIRE_SERVER_SESSION, session_table="table"),
            "allow with a session in a shared store, session in table",
        ),
    ],
)
def test_every_answer_has_words(answer: Answer, words: str) -> None:
    assert lines(replace(CHANGE, after=answer))[-1] == f"  now    {words}"


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (DENY, ALLOW, "gains"),
        (ALLOW, DENY, "loses"),
        (DENY, Answer(outcome=Effect.REQUIRE_APPROVAL), "gains"),
        (ALLOW, Answer(outcome=Effect.REQUIRE_SERVER_SESSION), "loses"),
        (DENY, replace(DENY, override=Override.NONE), "changes"),
        (ALLOW, replace(ALLOW, max_lease=FULL), "changes"),
    ],
)
def test_a_change_has_a_direction(before: Answer, after: Answer, word: str) -> None:
    assert replace(CHANGE, before=before, after=after).word == word


def test_many_names_are_cut_and_long_lines_folded() -> None:
    many = tuple(f"somebody-{i}@example.com" for i in range(12))
    told = lines(replace(CHANGE, who=many))
    assert max(map(len, told)) <= 80
    assert "and 4 more" in " ".join(told)
    assert (
        len(
            meaning_fields(Comparison(changes=(replace(CHANGE, who=many),), users=(), profiles=()))[
                "changes"
            ][0]["users"]
        )
        == 12
    )


def test_programs_get_words_and_seconds() -> None:
    terms = replace(ALLOW, max_duration=timedelta(hours=1), max_lease=STRICT, session_table="t")
    (change,) = meaning_fields(
        Comparison(changes=(replace(CHANGE, after=terms),), users=("alice",), profiles=("prod",))
    )["changes"]
    assert change["when"] == ["always"]
    assert change["after"] == {
        "outcome": "allow",
        "override": None,
        "max_duration": 3600,
        "max_lease": "strict",
        "enforce_lease": False,
        "session_table": "t",
        "allow_unstamped": False,
    }


def test_junit_has_a_suite_for_each_file() -> None:
    root = ElementTree.fromstring(junit_xml(report("one.yaml", "two.yaml")))  # our own text
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("one.yaml", "2", "1"),
        ("two.yaml", "2", "1"),
    ]
    assert [len(case) for case in root.iter("testcase")] == [0, 1, 0, 1]


def test_several_failures_are_told_one_after_the_other() -> None:
    told = list(in_words(report("one.yaml", "two.yaml"), coverage=True))
    assert [line for line in told if line.startswith("FAIL")] == [
        "FAIL  bad  (one.yaml:3)",
        "FAIL  bad  (two.yaml:3)",
    ]
    assert told[-1] == "4 tests, 2 failed; 1 of 1 rules selected (100%)"
    assert "rules that no test selects:" not in told


def test_a_file_name_cannot_speak_to_the_terminal() -> None:
    told = "\n".join(in_words(report("\x1b[31mred.yaml"), coverage=False))
    assert "\x1b" not in told
    assert "\\x1b[31mred.yaml:3" in told
    (suite,) = ElementTree.fromstring(junit_xml(report("\x1b[31mred.yaml")))  # our own text
    assert suite.get("name") == "\\x1b[31mred.yaml"
