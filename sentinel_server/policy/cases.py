"""Tests of a policy as a document: who asks for what and when, and what must come of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from sentinel_server.errors import InvalidArn, InvalidPolicy
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_principal
from sentinel_server.policy.events import START, Items, Node, Scalar, Unreadable, read_tree
from sentinel_server.policy.fields import Field, closest, shown
from sentinel_server.policy.names import read_profile
from sentinel_server.policy.report import Report
from sentinel_server.policy.schema import WEEK, Effect, Mode
from sentinel_server.policy.windows import YEARS
from sentinel_server.policy.zones import find_zone, zone_names

MONDAY = date(2026, 6, 1)
"""The week that a weekday in `when` means begins here."""
TOP_KEYS = ("version", "kind", "account", "tests")
"""What a test document may say."""
CASE_KEYS = ("name", "who", "profile", "mode", "when", "shared_store", "expect")
"""What a test may say."""
EXPECT_KEYS = ("effect", "outcome", "rule", "reason")
"""What a test may expect."""

Value = TypeVar("Value")

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_WORDS = re.compile(r"([a-z]+) ([01][0-9]|2[0-3]):([0-5][0-9])(?: (\S+))?")
_LIMIT = 2000


@frozen
class Expectation:
    """What must come of a case; `None` expects nothing in particular.

    `effect` is the deciding rule's own, `outcome` what whoever asks meets at the door. `nothing_matches` when
    no rule may decide.
    """

    effect: Effect | None = None
    outcome: Effect | None = None
    rule: str | None = None
    nothing_matches: bool = False
    reason: str | None = None


@frozen
class Case:
    """One test: every combination of these must come to what is expected. No `when` means at any time."""

    name: str
    line: int
    who: tuple[str, ...]
    profiles: tuple[str, ...]
    modes: tuple[Mode, ...]
    when: tuple[datetime, ...]
    shared_store: bool
    expect: Expectation


@frozen
class Suite:
    """The tests of one document; `account` is where the policy is stored, if it says so."""

    file: str
    cases: tuple[Case, ...]
    account: str | None = None


def parse_tests(text: bytes | str, *, file: str) -> Suite:
    """The tests that `text` says. Raises InvalidPolicy, and nothing else, with every problem found."""
    report = Report(file=file)
    try:
        suite = _suite(Field(node=_tree(text, report), path="", report=report), file)
        report.raise_any()
    except InvalidPolicy as error:
        error.hint = "see docs/policy-testing.md"
        raise
    return suite


def _tree(text: bytes | str, report: Report) -> Node:
    try:
        if (tree := read_tree(text)) is not None:
            return tree
        report.add(START, "", "is empty", "write a test: see docs/policy-testing.md")
    except Unreadable as error:
        report.add(error.mark, "", error.message, error.suggestion)
    raise report.error()


def _suite(field: Field, file: str) -> Suite:
    found = field.mapping(TOP_KEYS, required=("tests",))
    _must_be(found.get("version"), "1", 'write `version: "1"`')
    _must_be(found.get("kind"), "tests", "tests of a policy say `kind: tests` or nothing")
    entries = found["tests"].entries("write a test") if "tests" in found else []
    cases = tuple(_case(entry) for entry in entries)
    names: dict[str, int] = {}
    for entry, case in zip(entries, cases, strict=True):
        if case.name and case.name in names:
            entry.problem(f"another test is named `{shown(case.name)}`, tests[{names[case.name]}]")
        names.setdefault(case.name, len(names))
    return Suite(file=file, cases=cases, account=_account(found.get("account")))


def _must_be(field: Field | None, word: str, suggestion: str) -> None:
    if field is not None and (text := field.text()) not in (None, word):
        field.problem(f"`{shown(text or '')}` is not `{word}`", suggestion)


def _account(field: Field | None) -> str | None:
    text = None if field is None else field.text()
    if field is not None and text is not None and not re.fullmatch("[0-9]{12}", text):
        field.problem(f"`{shown(text)}` is not an account id, which has 12 digits")
    return text


def _case(field: Field) -> Case:
    found = field.mapping(CASE_KEYS, required=("name", "who", "profile", "expect"))
    case = Case(
        name=(found["name"].prose(200) or "") if "name" in found else "",
        line=field.node.mark.line,
        who=_listed(found["who"], _who) if "who" in found else (),
        profiles=_listed(found["profile"], _profile) if "profile" in found else (),
        modes=_listed(found["mode"], _mode) if "mode" in found else (Mode.SERVER,),
        when=_listed(found["when"], _when) if "when" in found else (),
        shared_store=found["shared_store"].flag() if "shared_store" in found else True,
        expect=_expectation(found["expect"]) if "expect" in found else Expectation(),
    )
    if len(case.who) * len(case.profiles) * len(case.modes) * max(1, len(case.when)) > _LIMIT:
        field.problem(f"has more than {_LIMIT} combinations", "split it")
    return case


def _expectation(field: Field) -> Expectation:
    known = len(field.report.problems)
    found = field.mapping(EXPECT_KEYS)
    if not found and len(field.report.problems) == known:
        field.problem("expects nothing", f"say one of {', '.join(EXPECT_KEYS)}")
    rule = found["rule"].text() if "rule" in found else None
    none = rule == "none" and isinstance(node := found["rule"].node, Scalar) and node.plain
    return Expectation(
        effect=found["effect"].word(Effect) if "effect" in found else None,
        outcome=found["outcome"].word(Effect) if "outcome" in found else None,
        rule=None if none else rule,
        nothing_matches=none,
        reason=found["reason"].prose(500) if "reason" in found else None,
    )


def _listed(field: Field, read: Callable[[Field], Value | None]) -> tuple[Value, ...]:
    if isinstance(field.node, Items):
        return field.distinct(read)
    value = read(field)
    return () if value is None else (value,)


def _who(field: Field) -> str | None:
    text = field.text()
    if text is None:
        return None
    if not text.startswith("arn:"):
        if not _NAME.fullmatch(text):
            field.problem(f"`{shown(text)}` is not the name of one user", "name somebody, or give an ARN")
        return text
    try:
        parse_principal(text, unique_id="tested")
    except InvalidArn:
        field.problem(
            f"`{shown(text)}` is not the ARN of a principal",
            "as `sts get-caller-identity` prints it: arn:aws:sts::111122223333:assumed-role/NAME/SESSION",
        )
    return text


def _profile(field: Field) -> str | None:
    text = read_profile(field)
    if text is not None and ("*" in text or "?" in text):
        field.problem(f"`{shown(text)}` is a pattern", "name the profile that is asked for")
    return text


def _mode(field: Field) -> Mode | None:
    return field.word(Mode)


def _when(field: Field) -> datetime | None:
    if (text := field.text()) is None:
        return None
    if words := _WORDS.fullmatch(text):
        return _weekday(field, *words.groups())
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        field.problem(
            f"`{shown(text)}` is not a time",
            "write 2026-12-01T09:30:00+01:00 or `monday 09:30 Europe/Berlin`",
        )
        return None
    if at.tzinfo is None:
        field.problem(f"`{shown(text)}` names no zone", "end it with Z or an offset, as in +01:00")
        return None
    if not YEARS[0] <= at.year <= YEARS[1]:
        field.problem(f"`{shown(text)}` is not from {YEARS[0]} to {YEARS[1]}")
        return None
    return at


def _weekday(field: Field, day: str, hour: str, minute: str, zone: str | None) -> datetime | None:
    numbers = {each.value: each.number for each in WEEK}
    if day not in numbers:
        field.problem(f"`{shown(day)}` is not a day of the week", closest(day, numbers))
        return None
    found = UTC if zone is None else find_zone(zone)
    if found is None:
        near = difflib.get_close_matches((zone or "")[:60], zone_names(), n=1)
        suggestion = f"did you mean `{near[0]}`?" if near else "use an IANA name, as in `Europe/Berlin`"
        field.problem(f"unknown timezone `{shown(zone or '')}`", suggestion)
        return None
    return datetime.combine(MONDAY + timedelta(days=numbers[day]), time(int(hour), int(minute)), tzinfo=found)
