"""IAM condition blocks. Pure; what is not understood raises, because a guess would be a wrong proof.

Facts are AWS's own rules: a missing key fails every operator except its `IfExists`, `Null` and `Not` forms;
several values of one key are alternatives; several keys and operators must all hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from sentinel_server.frozen import frozen

Context = Mapping[str, str | Sequence[str]]
"""Request facts by condition key, the key in lower case; several values make a multi-valued key."""

KNOWN_KEYS = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:sourceidentity",
        "aws:tagkeys",
        "aws:userid",
        "aws:username",
        "dynamodb:attributes",
        "dynamodb:enclosingoperation",
        "dynamodb:leadingkeys",
        "dynamodb:returnconsumedcapacity",
        "dynamodb:returnvalues",
        "dynamodb:select",
        "s3:delimiter",
        "s3:prefix",
        "sts:externalid",
        "sts:rolesessionname",
        "sts:sourceidentity",
        "sts:transitivetagkeys",
    }
)
"""Keys that the sandbox supplies where AWS does, so that their absence means something."""

KNOWN_FAMILIES = ("aws:principaltag/", "aws:requesttag/")
"""Beginnings of further known keys."""


class CannotEvaluate(Exception):
    """A policy says something this evaluator does not know; nothing may be concluded from it."""


@frozen
class Condition:
    """One `operator: {key: values}` line of a condition block."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str = ""
    if_exists: bool = False


def parse_conditions(block: object) -> tuple[Condition, ...]:
    """The lines of a `Condition` element. Raises CannotEvaluate for an operator that is not known."""
    if not isinstance(block, Mapping):
        raise CannotEvaluate("Condition is not an object")
    return tuple(
        _parse_line(str(name), str(key), values)
        for name, lines in block.items()
        for key, values in _lines(name, lines)
    )


def holds(condition: Condition, context: Context) -> bool:
    """Whether the request satisfies this line."""
    found = context.get(condition.key)
    if found is None and not condition.key.startswith(KNOWN_FAMILIES) and condition.key not in KNOWN_KEYS:
        raise CannotEvaluate(f"condition key {condition.key}, which the sandbox never has a value for")
    wanted = [substitute(value, context) for value in condition.values]
    if condition.operator == "null":
        return (found is None) == (condition.values[0].lower() == "true")
    actual = _as_list(found)
    if condition.quantifier == "forallvalues":
        return all(_any_match(condition.operator, value, wanted) for value in actual)
    if condition.quantifier == "foranyvalue":
        return any(_any_match(condition.operator, value, wanted) for value in actual)
    if found is None:
        return condition.if_exists or condition.operator in _NEGATED
    return _any_match(condition.operator, _single(condition.key, actual), wanted)


def wildcard(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether `text` is matched by an IAM pattern, in which `*` and `?` are wildcards."""
    return _compiled(pattern, ignore_case).fullmatch(text) is not None


def substitute(text: str, context: Context) -> str | None:
    """`text` with its policy variables replaced; None when one has no value, so that it matches nothing."""
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = found[1].partition(",")
        if name in ("*", "?", "$"):
            return _LITERAL[name]
        actual = context.get(name.strip().lower(), default.strip().strip("'") or None)
        missing = missing or actual is None
        return _escaped(actual) if isinstance(actual, str) else ""

    replaced = _VARIABLE.sub(value, text)
    return None if missing else replaced


_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "$"}
"""`${*}` is a star that is no wildcard; private code points stand in until patterns are compiled."""


def _escaped(value: str) -> str:
    return value.replace("*", _LITERAL["*"]).replace("?", _LITERAL["?"])


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    special = {"*": ".*", "?": ".", _LITERAL["*"]: r"\*", _LITERAL["?"]: r"\?"}
    text = "".join(special.get(char) or re.escape(char) for char in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _lines(name: object, lines: object) -> list[tuple[object, object]]:
    if not isinstance(lines, Mapping):
        raise CannotEvaluate(f"condition {name} is not an object")
    return list(lines.items())


def _parse_line(name: str, key: str, values: object) -> Condition:
    quantifier, colon, rest = name.lower().rpartition(":")
    if colon and quantifier not in ("forallvalues", "foranyvalue"):
        raise CannotEvaluate(f"condition operator {name}")
    operator = rest.removesuffix("ifexists")
    if operator not in _OPERATORS and operator != "null":
        raise CannotEvaluate(f"condition operator {name}")
    texts = tuple(_text(value) for value in _as_list(values))
    return Condition(
        operator=operator, key=key.lower(), values=texts, quantifier=quantifier, if_exists=operator != rest
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise CannotEvaluate(f"condition value {value!r}")


def _as_list(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return [value]  # type: ignore[list-item] # _text refuses what is not a scalar


def _single(key: str, values: list[str]) -> str:
    if len(values) != 1:
        raise CannotEvaluate(f"{key} has {len(values)} values but no ForAllValues: or ForAnyValue:")
    return values[0]


def _any_match(operator: str, actual: str, wanted: Sequence[str | None]) -> bool:
    base = operator.replace("not", "", 1) if operator in _NEGATED else operator
    found = any(value is not None and _OPERATORS[base](actual, value) for value in wanted)
    return not found if operator in _NEGATED else found


def _equal(actual: str, wanted: str) -> bool:
    return actual == _plain(wanted)


def _equal_ignoring_case(actual: str, wanted: str) -> bool:
    return actual.lower() == _plain(wanted).lower()


def _plain(wanted: str) -> str:
    return wanted.replace(_LITERAL["*"], "*").replace(_LITERAL["?"], "?")


def _like(actual: str, wanted: str) -> bool:
    return wildcard(wanted, actual)


def _arn_like(actual: str, wanted: str) -> bool:
    given, pattern = actual.split(":", 5), wanted.split(":", 5)
    return len(given) == len(pattern) and all(map(wildcard, pattern, given))


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CannotEvaluate(f"date {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CannotEvaluate(f"number {text!r}") from None


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "stringequals": _equal,
    "stringnotequals": _equal,
    "stringequalsignorecase": _equal_ignoring_case,
    "stringnotequalsignorecase": _equal_ignoring_case,
    "stringlike": _like,
    "stringnotlike": _like,
    "arnequals": _arn_like,
    "arnnotequals": _arn_like,
    "arnlike": _arn_like,
    "arnnotlike": _arn_like,
    "bool": _equal_ignoring_case,
    "datelessthan": lambda actual, wanted: _instant(actual) < _instant(wanted),
    "datelessthanequals": lambda actual, wanted: _instant(actual) <= _instant(wanted),
    "dategreaterthan": lambda actual, wanted: _instant(actual) > _instant(wanted),
    "dategreaterthanequals": lambda actual, wanted: _instant(actual) >= _instant(wanted),
    "numericequals": lambda actual, wanted: _number(actual) == _number(wanted),
    "numericlessthan": lambda actual, wanted: _number(actual) < _number(wanted),
    "numericlessthanequals": lambda actual, wanted: _number(actual) <= _number(wanted),
    "numericgreaterthan": lambda actual, wanted: _number(actual) > _number(wanted),
    "numericgreaterthanequals": lambda actual, wanted: _number(actual) >= _number(wanted),
}
_NEGATED = frozenset(name for name in _OPERATORS if "not" in name)
