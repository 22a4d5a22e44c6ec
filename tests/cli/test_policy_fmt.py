"""`policy fmt`: one form, and no comment is lost in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.policies.formatting import formatted
from sentinel_server.errors import BadInput, InvalidPolicy
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.printing import print_policy
from sentinel_server.policy.schema import Policy
from tests.fakes.command_line import CommandLine
from tests.strategies import policies

LOOSE = """\
# Production.
#   indented on purpose

# and more

version: 1
# the list
rules:
# before the first
- {name: a, effect: allow, match: any}

  # of the second, one
  # two
-
  name: "b # no comment"
  effect: "deny"
  reason: 'not # one either'
  conditions:
    users: [carol]
""".replace("\n-\n  name", "\n- name")
CANONICAL = """\
# Production.
#   indented on purpose
# and more
version: "1"
# the list
rules:
  # before the first
  - name: a
    effect: allow
    match: any
  # of the second, one
  # two
  - name: "b # no comment"
    effect: deny
    conditions:
      users: [carol]
    reason: "not # one either"
"""


def fmt(text: str, *, drop: bool = False) -> str:
    return formatted(text.encode(), "p.yaml", drop=drop).decode()


def test_a_policy_gets_its_one_form_and_keeps_its_comments() -> None:
    assert fmt(LOOSE) == CANONICAL


def test_what_has_the_form_keeps_it() -> None:
    assert fmt(CANONICAL) == CANONICAL


@given(policies())
@settings(max_examples=60, deadline=None)
def test_formatting_changes_no_meaning_and_is_done_at_once(policy: Policy) -> None:
    once = fmt(print_policy(policy))
    assert parse_policy(once, file="p") == policy
    assert fmt(once) == once


@pytest.mark.parametrize(
    "text",
    [
        CANONICAL.replace("effect: deny", "effect: deny  # because"),
        CANONICAL.replace("    effect: deny", "    # inside\n    effect: deny"),
        CANONICAL + "# after all\n",
        CANONICAL.replace('version: "1"', 'version: "1"  # one'),
        CANONICAL.replace("[carol]", "[carol, # her\n        dave]"),
    ],
    ids=["behind", "inside", "at the end", "behind the version", "within a list"],
)
def test_a_comment_without_a_place_is_a_refusal_that_names_its_line(text: str) -> None:
    with pytest.raises(BadInput, match=r"p\.yaml:\d+: this comment would be lost: #") as caught:
        fmt(text)
    assert "--drop-comments" in caught.value.hint
    assert "#" not in fmt(text, drop=True).replace("b # no", "").replace("not # one", "")


def test_a_block_of_text_has_no_canonical_form_where_its_comment_could_hide() -> None:
    text = CANONICAL.replace('reason: "not # one either"', "reason: >-  # hidden\n      words")
    with pytest.raises(BadInput, match="block of text"):
        fmt(text)


def test_what_is_no_policy_is_not_formatted() -> None:
    with pytest.raises(InvalidPolicy):
        fmt("rules: []\n")


def test_files_are_printed_checked_or_written(sentinel: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(LOOSE)
    assert sentinel("policy", "fmt", str(file)).out == CANONICAL
    checked = sentinel("policy", "fmt", "--check", str(file))
    assert (checked.status, file.read_text()) == (1, LOOSE)
    assert "would be changed" in checked.err
    assert sentinel("policy", "fmt", "--write", str(file)).status == 0
    assert file.read_text() == CANONICAL
    assert sentinel("policy", "fmt", "--check", str(file)).status == 0
    assert sentinel("policy", "fmt", "--check", "--write", str(file)).status == 2
    assert sentinel("policy", "fmt", str(tmp_path / "none.yaml")).status == 6


@given(
    policies(),
    st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.integers(0, 6)), min_size=1, max_size=5),
)
@settings(max_examples=150, deadline=None)
def test_wherever_a_comment_is_it_is_kept_or_refused(
    policy: Policy, comments: list[tuple[int, bool, int]]
) -> None:
    lines = print_policy(policy).splitlines()
    words = []
    for number, (where, alone, indent) in enumerate(comments):
        words.append(f"# unique {number} words")
        at = where % len(lines)
        if alone:
            lines.insert(at, " " * indent + words[-1])
        else:
            lines[at] += f"  {words[-1]}"
    text = "\n".join(lines) + "\n"
    assert parse_policy(text, file="p") == policy
    try:
        made = fmt(text)
    except BadInput:
        return
    assert parse_policy(made, file="p") == policy
    assert all(made.count(each) == 1 for each in words)
    assert fmt(made) == made
