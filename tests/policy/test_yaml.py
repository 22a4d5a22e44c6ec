"""YAML without its traps: nothing is executed, expanded, coerced or silently dropped."""

from __future__ import annotations

import random

import pytest

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy.events import MAX_BYTES
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.report import MAX_PROBLEMS
from tests.policy.test_parse import WHOLE, problem, problems, rule_with, when


def test_an_unquoted_hour_is_text_not_a_sexagesimal_number() -> None:
    window = (
        parse_policy(when("time: {hours: {start: 08:30, end: 17:30}}"), file="p").rules[0].conditions.time
    )
    assert window is not None
    assert window.hours is not None
    assert (window.hours.start, window.hours.end) == (510, 1050)


def test_a_user_named_no_is_a_user() -> None:
    rule = parse_policy(when("users: [no, 123, on]"), file="p").rules[0]
    assert rule.conditions.users == ("no", "123", "on")


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "True", "1", '"true"', "~", ""])
def test_only_true_and_false_are_booleans(word: str) -> None:
    assert problem(rule_with(f"enforce_lease: {word}")).endswith("write true or false")


def test_an_account_with_a_leading_zero_keeps_it() -> None:
    text = "trusted_accounts:\n  - 012345670123\n" + rule_with("reason: x")
    assert parse_policy(text, file="p").trusted_accounts == ("012345670123",)


def test_a_key_given_twice_is_refused() -> None:
    assert problem(rule_with("effect: deny")) == "p.yaml:6:5: rules[0]: `effect` is given twice; delete one"


def test_a_second_document_is_refused() -> None:
    assert (
        problem(WHOLE + "---\n" + WHOLE)
        == f"p.yaml:{WHOLE.count(chr(10)) + 1}:1: a second document; a file holds one policy"
    )


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert problem(bomb).startswith("p.yaml:1:4: an anchor (`&`)")


def test_an_alias_and_a_merge_key_are_refused() -> None:
    assert "alias `*prod`; write the value out, or quote a name that starts with *" in problem(
        when("profiles: [*prod]")
    )
    assert "a merge key (`<<`); write the keys out" in problem(rule_with("<<: {}"))


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!str", "!", "!<tag:yaml.org,2002:bool>"]
)
def test_a_tag_is_refused(tag: str) -> None:
    assert "a tag (`!`)" in problem(rule_with(f"reason: {tag} 'x'"))


def test_deep_nesting_is_refused_before_it_is_built() -> None:
    assert "nested more than 32 deep" in problem("[" * 5000)
    assert "nested more than 32 deep" in problem("".join(" " * i + "a:\n" for i in range(300)))


def test_too_large_a_text_is_refused_unread() -> None:
    assert "larger than 64 KiB" in problem("#" * (MAX_BYTES + 1))
    assert parse_policy(WHOLE + "#" * (MAX_BYTES - len(WHOLE)), file="p").version == "1"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version: 1\nname: \xff", "p.yaml:2:7: not UTF-8"),
        (b"\xef\xbb\xbfversion: 1", "p.yaml:1:1: starts with a byte order mark"),
        ("version: 1".encode("utf-16"), "not UTF-8"),
        (b"version: 1\x00", "p.yaml:1:11: control or invisible character U+0000"),
        (b"# \x1b[2J", "p.yaml:1:3: control or invisible character U+001B"),
        ("# \u202e".encode(), "control or invisible character U+202E"),
        (b"a: 1\rb: 2", "control or invisible character U+000D"),
        (b"", "p.yaml:1:1: is empty"),
        (b"# nothing\n", "p.yaml:1:1: is empty"),
        (b"a: [", "not YAML: while parsing a flow node"),
        (b'a: "\\UFFFFFFFF"', "not YAML"),
        (b"%YAML 1." + b"9" * 5000 + b"\n--- a", "not YAML"),
    ],
)
def test_bytes_that_are_not_plain_text_are_refused(data: bytes, said: str) -> None:
    assert said in problem(data)


def test_windows_line_ends_are_no_problem() -> None:
    assert parse_policy(WHOLE.replace("\n", "\r\n"), file="p") == parse_policy(WHOLE, file="p")


@pytest.mark.parametrize("text", [r'"\e[31m"', r'"a\u202eb"', r'"\ud800"', r'"a\nb"', r'"\0"'])
def test_an_escape_cannot_bring_in_what_a_terminal_obeys(text: str) -> None:
    said = problem(when(f"profiles: [{text}]"))
    assert "control or invisible character" in said or "invalid Unicode character escape code" in said
    assert said.isprintable()


def test_a_key_that_is_not_text_is_refused() -> None:
    assert problem(rule_with("? [a]\n    : b")) == "p.yaml:6:7: rules[0]: a key must be text"


def test_no_more_problems_are_listed_than_anybody_reads() -> None:
    assert len(problems("".join(f"k{i}: 1\n" for i in range(2000)))) == MAX_PROBLEMS


def test_whatever_the_text_there_is_a_policy_or_problems_with_places() -> None:
    chance = random.Random(1)
    bits = [
        *"\n :-[]{}&*!|>'\"%@`#?,\\\t\x00\u2028é",
        "  ",
        "\n  - ",
        "---\n",
        "? ",
        "!!x ",
        "900",
        "name",
        "\ud800",
    ]
    refused = []
    for _ in range(600):
        text = WHOLE
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(["", chance.choice(bits)]) + text[at + chance.randint(0, 12) :]
        try:
            parse_policy(text, file="p")
        except InvalidPolicy as error:
            refused.append(error)
    assert len(refused) > 400
    found = [each for error in refused for each in error.problems]
    assert all(each.line >= 1 and each.column >= 1 and str(each).isprintable() for each in found)
