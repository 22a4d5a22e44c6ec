"""Test documents are read as strictly as policies, with a place for every problem."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy.cases import CASE_KEYS, Case, Expectation, parse_tests
from sentinel_server.policy.schema import Effect, Mode

ONE = "tests: [{name: a, who: alice, profile: prod, expect: {effect: allow}, %s}]"


def one(more: str = "mode: server") -> Case:
    """The case of a document with one, said a little more about."""
    return parse_tests(ONE % more, file="t").cases[0]


def problems(text: str) -> list[str]:
    """What is wrong with a document, without the file's name."""
    with pytest.raises(InvalidPolicy) as caught:
        parse_tests(text, file="t")
    assert "docs/policy-testing.md" in caught.value.hint
    return [str(problem).removeprefix("t:") for problem in caught.value.problems]


def test_what_a_case_leaves_out_is_the_server_any_time_and_a_shared_store() -> None:
    assert one() == Case(
        name="a",
        line=1,
        who=("alice",),
        profiles=("prod",),
        modes=(Mode.SERVER,),
        when=(),
        shared_store=True,
        expect=Expectation(effect=Effect.ALLOW),
    )


def test_one_value_and_a_list_are_both_understood() -> None:
    case = parse_tests(
        "version: 1\nkind: tests\naccount: '111122223333'\ntests:\n"
        "  - name: several\n    who: [alice, bob]\n    profile: [dev, prod]\n    mode: [cli, tvm]\n"
        "    shared_store: false\n    expect: {outcome: deny, rule: none, reason: a  long reason}\n",
        file="t",
    )
    assert case.account == "111122223333"
    (only,) = case.cases
    assert (only.who, only.profiles, only.modes) == (("alice", "bob"), ("dev", "prod"), (Mode.CLI, Mode.TVM))
    assert only.line == 5
    assert not only.shared_store
    assert only.expect == Expectation(outcome=Effect.DENY, nothing_matches=True, reason="a long reason")


def test_a_rule_named_none_is_meant_in_quotes() -> None:
    quoted = (
        parse_tests('tests: [{name: a, who: b, profile: c, expect: {rule: "none"}}]', file="t")
        .cases[0]
        .expect
    )
    assert (quoted.rule, quoted.nothing_matches) == ("none", False)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-01T09:30:00+01:00", datetime(2026, 12, 1, 8, 30, tzinfo=UTC)),
        ("2026-12-01T09:30Z", datetime(2026, 12, 1, 9, 30, tzinfo=UTC)),
        ("monday 09:30", datetime(2026, 6, 1, 9, 30, tzinfo=UTC)),
        ("sunday 09:30 Europe/Berlin", datetime(2026, 6, 7, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_an_instant_or_a_weekday_in_a_zone(text: str, utc: datetime) -> None:
    (when,) = one(f"when: '{text}'").when
    assert when - utc == timedelta(0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("when: tomorrow", "`tomorrow` is not a time; write 2026-12-01T09:30:00+01:00 or"),
        ("when: 2026-12-01", "`2026-12-01` names no zone; end it with Z"),
        ("when: '0001-01-01T00:00+14:00'", "is not from 2000 to 2199"),
        ("when: mondey 09:30", "`mondey` is not a day of the week; did you mean `monday`?"),
        ("when: monday 24:30", "`monday 24:30` is not a time"),
        ("when: monday 09:30 Europe/Berln", "unknown timezone `Europe/Berln`; did you mean `Europe/Berlin`?"),
        ("when: monday 09:30 Nowhere", "unknown timezone `Nowhere`; use an IANA name"),
        (
            "mode: severs",
            "`severs` is not one of server, cli, credential_process, tvm; did you mean `server`?",
        ),
        ("mode: []", "is an empty list"),
        ("shared_store: yes", "`yes` is neither true nor false"),
        ("whn: monday 09:30", "unknown key `whn`; did you mean `when`?"),
    ],
)
def test_what_a_case_cannot_say_is_a_problem_with_a_way_out(more: str, said: str) -> None:
    (problem,) = problems(ONE % more)
    assert said in problem


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: is empty; write a test"),
        ("tests: &a []", "an anchor"),
        ("rules: []", "unknown key `rules`"),
        ("tests: []", "is an empty list; write a test"),
        ("tests: [{}]", "`who` is missing"),
        ("version: 2\ntests: [{}]", '`2` is not `1`; write `version: "1"`'),
        ("kind: policy\ntests: [{}]", "`policy` is not `tests`"),
        ("account: 1\ntests: [{}]", "`1` is not an account id"),
        (
            "tests: [{expect: {}}]",
            "tests[0].expect: expects nothing; say one of effect, outcome, rule, reason",
        ),
        ("tests: [{who: 'b*'}]", "`b*` is not the name of one user"),
        ("tests: [{who: 'group:oncall'}]", "`group:oncall` is not the name of one user"),
        ("tests: [{who: 'arn:aws:iam::1:role/x'}]", "is not the ARN of a principal"),
        ("tests: [{who: [a, a]}]", "tests[0].who[1]: is listed twice"),
        ("tests: [{profile: 'prod-*'}]", "`prod-*` is a pattern; name the profile"),
        ("tests: [{who: {}}]", "is a mapping where text is expected"),
        ("tests: [{when: {}}]", "tests[0].when: is a mapping where text is expected"),
        ("tests: [{name: a}, {name: a}]", "tests[1]: another test is named `a`, tests[0]"),
    ],
)
def test_what_a_document_cannot_say_is_a_problem(text: str, said: str) -> None:
    assert any(said in problem for problem in problems(text)), problems(text)


def test_a_case_has_a_bounded_number_of_combinations() -> None:
    names = ", ".join(f"n{i}" for i in range(60))
    text = f"tests: [{{name: a, who: [{names}], profile: [{names}], expect: {{effect: deny}}}}]"
    assert "has more than 2000 combinations" in problems(text)[0]


def test_b23_every_problem_is_found_in_one_reading() -> None:
    assert len(problems("tests: [{}, {}]")) == 2 * sum(
        key in ("name", "who", "profile", "expect") for key in CASE_KEYS
    )
