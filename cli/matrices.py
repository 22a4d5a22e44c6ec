"""Decisions on many users and profiles, as data and as tables of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cli.layout import clean, columns, cut, table
from sentinel_server.policy.matrix import Cell, Matrix
from sentinel_server.policy.schema import Effect

_WIDTH = 80
_USER_WIDTH = 36
_PROFILE_WIDTH = 20
_GAP = 2
_WORDS = {
    Effect.ALLOW: "allow",
    Effect.DENY: "deny",
    Effect.REQUIRE_APPROVAL: "approval",
    Effect.REQUIRE_SERVER: "server",
    Effect.REQUIRE_SERVER_SESSION: "session",
}


def cell_fields(cell: Cell) -> dict[str, Any]:
    """A decision for `--output json`."""
    rule, blocked = cell.decision.rule, cell.decision.device_blocked
    return {
        "user": cell.user,
        "principal": cell.principal.arn,
        "profile": cell.profile,
        "effect": "deny" if rule is None else rule.effect.value,
        "outcome": cell.outcome.value,
        "rule": None if rule is None else rule.name,
        "rule_index": cell.decision.index,
        "device_blocked": None if blocked is None else blocked.name,
    }


def matrix_lines(found: Matrix) -> Iterator[str]:
    """One table, or several one below the other, and the rules that their numbers mean."""
    for first, last in _blocks(found):
        headings = ("USER", *(cut(clean(label), _PROFILE_WIDTH) for label in found.profiles[first:last]))
        rows = [(_user(row[0]), *map(_word, row[first:last])) for row in found.rows]
        yield from table(headings, rows, _WIDTH)
        yield ""
    rules = {cell.decision.index: cell.decision.rule for row in found.rows for cell in row}
    for index, rule in sorted(rules.items()):
        if rule is not None:
            yield cut(clean(f"{index + 1:>4}  {rule.name}"), _WIDTH)
    if -1 in rules:
        yield "   -  no rule matches"


def _blocks(found: Matrix) -> Iterator[tuple[int, int]]:
    """Ranges of profiles that fit beside the users."""
    user = max([columns("USER"), *(columns(_user(row[0])) for row in found.rows)])
    first, left = 0, _WIDTH - user
    for index in range(len(found.profiles)):
        width = _column([row[index] for row in found.rows], found.profiles[index])
        if index > first and width > left:
            yield first, index
            first, left = index, _WIDTH - user
        left -= width
    yield first, len(found.profiles)


def _column(cells: Sequence[Cell], label: str) -> int:
    heading = columns(cut(clean(label), _PROFILE_WIDTH))
    return _GAP + max([heading, *(columns(_word(cell)) for cell in cells)])


def _user(cell: Cell) -> str:
    return cut(clean(cell.user), _USER_WIDTH)


def _word(cell: Cell) -> str:
    rule = "-" if cell.decision.rule is None else str(cell.decision.index + 1)
    return f"{_WORDS[cell.outcome]} {rule}"
