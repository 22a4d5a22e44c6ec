"""What all kinds of document have: a version, perhaps a kind, and rules with names of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from sentinel_server.policy.events import START, Node, Unreadable, read_tree
from sentinel_server.policy.fields import Field, shown
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.report import Report

HEADER_KEYS = ("version", "kind")
"""What every document may say."""
VERSION = "1"
"""The one version there is."""
NAME_LIMIT = 128
"""Characters of a rule's name."""
SHORTEST = timedelta(minutes=1)
"""The smallest duration or lease a rule may set; below STS's 900 s a session policy enforces it."""
LONGEST = timedelta(hours=12)
"""STS's own ceiling: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html."""

Rule = TypeVar("Rule")


def read_root(text: bytes | str, report: Report) -> Field:
    """The whole of a document. Raises InvalidPolicy when it is no YAML, or more than a document may be."""
    try:
        if (tree := read_tree(text)) is not None:
            return root(tree, report)
        report.add(START, "", "is empty", "write a policy: see docs/policy.md")
    except Unreadable as error:
        report.add(error.mark, "", error.message, error.suggestion)
    raise report.error()


def root(tree: Node, report: Report) -> Field:
    """The field that has no path."""
    return Field(node=tree, path="", report=report)


def read_outline(
    field: Field,
    kind: DocumentKind,
    keys: Sequence[str],
    *,
    required: Sequence[str] = ("rules",),
    elsewhere: Mapping[str, str] | None = None,
) -> dict[str, Field]:
    """The fields of a document of that kind, its version and kind checked."""
    known = (*HEADER_KEYS, *keys)
    found = field.mapping(known, required=("version", *required), elsewhere=elsewhere or {})
    if "version" in found and (version := found["version"].text()) not in (None, VERSION):
        found["version"].problem(
            f"`{shown(version or '')}` is not a version of policies", f'write `version: "{VERSION}"`'
        )
    if "kind" in found and (word := found["kind"].text()) not in (None, kind.value):
        found["kind"].problem(
            f"`{shown(word or '')}` is not {kind.words}", f"{kind.words} says `kind: {kind.value}` or nothing"
        )
    return found


def read_rules(field: Field | None, read: Callable[[Field], tuple[str, Rule]]) -> tuple[Rule, ...]:
    """What `read` makes of each rule and its name; there is at least one, and no name comes twice."""
    if field is None:
        return ()
    rules = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(field.entries("a policy has at least one rule")):
        name, rule = read(entry)
        if name and name in seen:
            entry.problem(f"another rule is named `{name}`, rules[{seen[name]}]", "give each its own name")
        seen.setdefault(name, index)
        rules.append(rule)
    return tuple(rules)


def read_name(field: Field | None) -> str:
    """A rule's name; nothing when there is none."""
    name = None if field is None else field.text()
    if field is not None and name is not None and len(name) > NAME_LIMIT:
        field.problem(f"is longer than {NAME_LIMIT} characters")
    return name or ""


def read_accounts(field: Field | None) -> tuple[str, ...]:
    """A list of account ids."""
    return () if field is None else field.distinct(_account)


def in_rules(keys: Collection[str]) -> Mapping[str, str]:
    """What to say of a rule's keys that stand beside `rules`."""
    return dict.fromkeys(keys, "it belongs to a rule, under `rules`")


def _account(field: Field) -> str | None:
    text = field.text()
    if text is not None and not re.fullmatch("[0-9]{12}", text):
        field.problem(f"`{shown(text)}` is not an account id, which has 12 digits")
    return text
