"""Random and mutated documents for the parser: `python -m tests.policy.fuzz --count 200000`.

Whatever the text, there is a value or the one documented error, in less than a tenth of a second of processor
time. Every 50th document is nearly as large as one may be, of something that might be slow.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import process_time

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.events import MAX_BYTES
from tests.policy.test_kinds import TEXTS
from tests.policy.test_parse import WHOLE

LIMIT = 0.1
"""Seconds of processor time that one document may take."""
LARGE_EVERY = 50

_SEEDS = (WHOLE, *TEXTS.values())
_BITS = (
    *"\n :-[]{}&*!|>'\"%@`#?,\\\t\x00\u2028é~=<",
    "  ",
    "\n  - ",
    "---\n",
    "...\n",
    "? ",
    "!!x ",
    "900",
    "name",
    "\ud800",
    "\r\n",
    "|2\n  ",
    ">-\n",
    '"\\x41"',
    "%YAML 1.1\n",
    "\U0001f600",
    "not_after: 2026-02-30\n",
    "kind: approval\n",
)
_RULES = 'version: "1"\nrules:\n'
_RULE = "  - {name: r{n}, effect: allow, conditions: {WHAT}}\n"
_LARGE: Sequence[tuple[str, str]] = (
    ("[", "a,"),
    ("", "["),
    ("", "- "),
    ("{", "a: b,"),
    ("", "k{n}: 1\n"),
    (_RULES, _RULE.replace("WHAT", "users: [alice, bob], mode: [cli]")),
    (_RULES, _RULE.replace("WHAT", "time: {days: [monday], timezone: Europe/Berlyn{n}}")),
    (_RULES, _RULE.replace("WHAT", "time: {not_before: 2026-01-01, not_after: 2026-01-02}")),
    (_RULES, _RULE.replace("WHAT", "usrs{n}: [a]")),
    (_RULES + "  - {name: a, effect: allow, conditions: {users: [", "u{n}, "),
    (_RULES + "  - name: a\n    effect: allow\n    conditions:\n      users:\n", "      - u{n}\n"),
    (_RULES + "  - name: a\n    effect: allow\n    conditions:\n      users:\n", "      - some\n"),
    ('version: "1"\ngroups:\n', "  g{n}: [a]\n"),
    (
        "version: 1\nkind: bootstrap\npolicy_root: /a\nprofiles:\n",
        "  - initial_policy: 'rules: [{effct{n}: 1}]'\n",
    ),
    (
        "version: 1\nkind: bootstrap\npolicy_root: /a\nprofiles:\n",
        "  - {name: p{n}, initial_policy: 'version: 1\n\n    rules: [{name: a, match: any}]'}\n",
    ),
    ("a: |\n", "  x\n"),
    ("a: >\n", "  x\n\n"),
    ("a: ", "b "),
    ("a: '", "''"),
    ('a: "', "\\x41"),
    (_RULES + "  - name: a\n    effect: allow\n    match: any\n    max_duration: ", "1d"),
    ("#", "#"),
    ("", "\n"),
    ("", "a:\n"),
    ("a: *", "b"),
    ("a: &", "b"),
    ("a: !", "b"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the documents: how many were values, and the slowest with its processor seconds."""

    count: int
    accepted: int
    slowest: float
    text: str


def documents(seed: int) -> Iterator[str]:
    """Documents without end, the same for the same seed."""
    chance = random.Random(seed)
    number = 0
    while True:
        number += 1
        yield _large(chance) if number % LARGE_EVERY == 0 else _mutated(chance)


def run(count: int, seed: int) -> Outcome:
    """Parses that many documents; whatever else than InvalidPolicy comes out of it is not caught."""
    accepted, slowest, worst = 0, 0.0, ""
    for _, text in zip(range(count), documents(seed), strict=False):
        refusal, took = _timed(text)
        if took > LIMIT / 2:  # once more, for other programs were in the way of this one too
            took = min(took, _timed(text)[1])
        if refusal is None:
            accepted += 1
        else:
            assert refusal.problems
            assert all(str(each).isprintable() for each in refusal.problems)
        if took > slowest:
            slowest, worst = took, text
    return Outcome(count=count, accepted=accepted, slowest=slowest, text=worst)


def _timed(text: str) -> tuple[InvalidPolicy | None, float]:
    begun = process_time()
    refusal = _refusal(text)
    return refusal, process_time() - begun


def _refusal(text: str) -> InvalidPolicy | None:
    try:
        parse_document(text, file="fuzz")
    except InvalidPolicy as error:
        return error
    return None


def _mutated(chance: random.Random) -> str:
    text = chance.choice(_SEEDS)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(text))
        cut = chance.choice([0, 0, 1, 2, 12])
        text = text[:at] + chance.choice(["", chance.choice(_BITS)]) + text[at + cut :]
    return text


def _large(chance: random.Random) -> str:
    head, body = chance.choice(_LARGE)
    parts, size = [head], len(head)
    for number in range(MAX_BYTES):
        part = body.replace("{n}", str(number))
        size += len(part)
        if size > MAX_BYTES:
            break
        parts.append(part)
    return "".join(parts)


def main() -> int:
    """Runs from the command line; 1 when a document took too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    run(100, given.seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = run(given.count, given.seed)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{outcome.count} documents, {outcome.accepted} accepted, only InvalidPolicy raised")
    print(f"slowest {outcome.slowest * 1000:.0f} ms, {len(outcome.text)} characters: {outcome.text[:80]!r}")
    print(f"the process grew by {grown / 1024:.1f} MiB")
    return int(outcome.slowest > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
